"""Callflows: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import CallAccepted, CallflowAccepted


class CallflowCalls(Sender):
    """Callflows."""

    def send_callflow(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> CallflowAccepted:
        """Submit a callflow.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        ``idempotency_key``: the same key within 24 hours calls once and answers the
            same again; absent: one is made, which serves the retries of this method.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/callflows",
            CallflowAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
            key=idempotency_key or self._new_key(),
        )

    def send_call(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> CallAccepted:
        """Submit a v1.1 request.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        ``idempotency_key``: the same key within 24 hours calls once and answers the
            same again; absent: one is made, which serves the retries of this method.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/calls",
            CallAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
            key=idempotency_key or self._new_key(),
        )

    def send_oldest_call(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> CallAccepted:
        """Submit a v1.1 request, the oldest path.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        ``idempotency_key``: the same key within 24 hours calls once and answers the
            same again; absent: one is made, which serves the retries of this method.
        """
        return self._send(
            "POST",
            "/api/v1/{subAccountId}/calls",
            CallAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
            key=idempotency_key or self._new_key(),
        )

    def validate_callflow(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
    ) -> CallflowAccepted:
        """Judge a callflow; nothing is stored, nothing dialled.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/callflows/validate",
            CallflowAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
        )

    def replace_callflow(
        self,
        session_id: str,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
    ) -> CallflowAccepted:
        """Replace what runs on a live call by this callflow.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/sessions/{sessionId}/callflows",
            CallflowAccepted,
            names={"sessionId": session_id},
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
        )


class AsyncCallflowCalls(AsyncSender):
    """Callflows."""

    async def send_callflow(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> CallflowAccepted:
        """Submit a callflow.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        ``idempotency_key``: the same key within 24 hours calls once and answers the
            same again; absent: one is made, which serves the retries of this method.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/callflows",
            CallflowAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
            key=idempotency_key or self._new_key(),
        )

    async def send_call(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> CallAccepted:
        """Submit a v1.1 request.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        ``idempotency_key``: the same key within 24 hours calls once and answers the
            same again; absent: one is made, which serves the retries of this method.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/calls",
            CallAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
            key=idempotency_key or self._new_key(),
        )

    async def send_oldest_call(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> CallAccepted:
        """Submit a v1.1 request, the oldest path.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        ``idempotency_key``: the same key within 24 hours calls once and answers the
            same again; absent: one is made, which serves the retries of this method.
        """
        return await self._send(
            "POST",
            "/api/v1/{subAccountId}/calls",
            CallAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
            key=idempotency_key or self._new_key(),
        )

    async def validate_callflow(
        self,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
    ) -> CallflowAccepted:
        """Judge a callflow; nothing is stored, nothing dialled.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/callflows/validate",
            CallflowAccepted,
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
        )

    async def replace_callflow(
        self,
        session_id: str,
        callflow: Sequence[Mapping[str, object]],
        *,
        valid_until: datetime | str | None = None,
        client_action_id: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
    ) -> CallflowAccepted:
        """Replace what runs on a live call by this callflow.

        ``callflow``: The actions, in the order they run.
        ``valid_until``: When it is too late to call: ISO 8601; UTC without an offset.
        ``client_action_id``: Of a VCA answer: your name for this list of actions, which webhooks
            repeat. Ignored in a submitted request.
        ``client_request_id``: Your name for this request; webhooks repeat it.
        ``client_batch_id``: Your name for the batch it belongs to; webhooks repeat it.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/sessions/{sessionId}/callflows",
            CallflowAccepted,
            names={"sessionId": session_id},
            body={
                "callflow": callflow,
                "validUntil": valid_until,
                "clientActionId": client_action_id,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
            },
        )
