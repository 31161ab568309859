"""Requests: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import RequestAnswer


class RequestCalls(Sender):
    """Requests."""

    def get_request(self, call_flow_request_id: str) -> RequestAnswer:
        """Show a callflow request and its answer, rejected ones included."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/requests/{callFlowRequestId}",
            RequestAnswer,
            names={"callFlowRequestId": call_flow_request_id},
        )


class AsyncRequestCalls(AsyncSender):
    """Requests."""

    async def get_request(self, call_flow_request_id: str) -> RequestAnswer:
        """Show a callflow request and its answer, rejected ones included."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/requests/{callFlowRequestId}",
            RequestAnswer,
            names={"callFlowRequestId": call_flow_request_id},
        )
