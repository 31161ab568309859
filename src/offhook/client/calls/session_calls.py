"""Sessions: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import EndedAnswer, SessionAnswer, SessionList, SessionView


class SessionCalls(Sender):
    """Sessions."""

    def list_sessions(
        self,
        *,
        status: str | None = None,
        number: str | None = None,
        since: str | None = None,
        until: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        sip_code: int | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> SessionList:
        """List sessions, newest first.

        ``status``: Only sessions in this status.
        ``number``: Source or destination of any call of the session.
        ``since``: Created at or after this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``until``: Created before this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``client_request_id``: The request's own ``clientRequestId``.
        ``client_batch_id``: The request's own ``clientBatchId``.
        ``sip_code``: SIP status of any call of the session.
        ``cursor``: ``nextCursor`` of the page before.
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/sessions",
            SessionList,
            query={
                "status": status,
                "number": number,
                "since": since,
                "until": until,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
                "sipCode": sip_code,
                "cursor": cursor,
                "limit": limit,
            },
        )

    def iter_sessions(
        self,
        *,
        status: str | None = None,
        number: str | None = None,
        since: str | None = None,
        until: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        sip_code: int | None = None,
        limit: int | None = None,
    ) -> Iterator[SessionView]:
        """All of :meth:`list_sessions`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_sessions(
                status=status,
                number=number,
                since=since,
                until=until,
                client_request_id=client_request_id,
                client_batch_id=client_batch_id,
                sip_code=sip_code,
                cursor=cursor,
                limit=limit,
            ),
            lambda page: page.sessions,
        )

    def get_session(self, session_id: str) -> SessionAnswer:
        """Show a session with its legs, actions, events and webhook deliveries."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/sessions/{sessionId}",
            SessionAnswer,
            names={"sessionId": session_id},
        )

    def end_session(self, session_id: str) -> EndedAnswer:
        """End a session now."""
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/sessions/{sessionId}",
            EndedAnswer,
            names={"sessionId": session_id},
        )


class AsyncSessionCalls(AsyncSender):
    """Sessions."""

    async def list_sessions(
        self,
        *,
        status: str | None = None,
        number: str | None = None,
        since: str | None = None,
        until: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        sip_code: int | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> SessionList:
        """List sessions, newest first.

        ``status``: Only sessions in this status.
        ``number``: Source or destination of any call of the session.
        ``since``: Created at or after this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``until``: Created before this time: ISO 8601, or so long ago (``1h``, ``2d``).
        ``client_request_id``: The request's own ``clientRequestId``.
        ``client_batch_id``: The request's own ``clientBatchId``.
        ``sip_code``: SIP status of any call of the session.
        ``cursor``: ``nextCursor`` of the page before.
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/sessions",
            SessionList,
            query={
                "status": status,
                "number": number,
                "since": since,
                "until": until,
                "clientRequestId": client_request_id,
                "clientBatchId": client_batch_id,
                "sipCode": sip_code,
                "cursor": cursor,
                "limit": limit,
            },
        )

    def iter_sessions(
        self,
        *,
        status: str | None = None,
        number: str | None = None,
        since: str | None = None,
        until: str | None = None,
        client_request_id: str | None = None,
        client_batch_id: str | None = None,
        sip_code: int | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[SessionView]:
        """All of :meth:`list_sessions`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_sessions(
                status=status,
                number=number,
                since=since,
                until=until,
                client_request_id=client_request_id,
                client_batch_id=client_batch_id,
                sip_code=sip_code,
                cursor=cursor,
                limit=limit,
            ),
            lambda page: page.sessions,
        )

    async def get_session(self, session_id: str) -> SessionAnswer:
        """Show a session with its legs, actions, events and webhook deliveries."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/sessions/{sessionId}",
            SessionAnswer,
            names={"sessionId": session_id},
        )

    async def end_session(self, session_id: str) -> EndedAnswer:
        """End a session now."""
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/sessions/{sessionId}",
            EndedAnswer,
            names={"sessionId": session_id},
        )
