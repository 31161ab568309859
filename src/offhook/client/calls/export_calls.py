"""Exports: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import ExportStarted, ExportStatus


class ExportCalls(Sender):
    """Exports."""

    def start_export(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        phone_number: str | None = None,
        limit: int | None = None,
        format: str | None = None,
    ) -> ExportStarted:
        """Export the call log as a file.

        ``from_``: A date, or a date-time with ``Z``, an offset, or neither (then UTC). Absent:
            seven days ago.
        ``to``: As ``from``; a date is included whole. Absent: now.
        ``phone_number``: Only sessions with a call from or to this number.
        ``limit``: Rows at the most; 0 or absent: all.
        ``format``: ``csv`` (default) or ``parquet``.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/messages/exports",
            ExportStarted,
            body={
                "from": from_,
                "to": to,
                "phoneNumber": phone_number,
                "limit": limit,
                "format": format,
            },
        )

    def get_export(self, job_id: str) -> ExportStatus:
        """Show an export and where to download it."""
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/messages/exports/{jobId}",
            ExportStatus,
            names={"jobId": job_id},
        )

    def cancel_export(self, job_id: str) -> None:
        """Cancel an export."""
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/messages/exports/{jobId}",
            type(None),
            names={"jobId": job_id},
        )


class AsyncExportCalls(AsyncSender):
    """Exports."""

    async def start_export(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        phone_number: str | None = None,
        limit: int | None = None,
        format: str | None = None,
    ) -> ExportStarted:
        """Export the call log as a file.

        ``from_``: A date, or a date-time with ``Z``, an offset, or neither (then UTC). Absent:
            seven days ago.
        ``to``: As ``from``; a date is included whole. Absent: now.
        ``phone_number``: Only sessions with a call from or to this number.
        ``limit``: Rows at the most; 0 or absent: all.
        ``format``: ``csv`` (default) or ``parquet``.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/messages/exports",
            ExportStarted,
            body={
                "from": from_,
                "to": to,
                "phoneNumber": phone_number,
                "limit": limit,
                "format": format,
            },
        )

    async def get_export(self, job_id: str) -> ExportStatus:
        """Show an export and where to download it."""
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/messages/exports/{jobId}",
            ExportStatus,
            names={"jobId": job_id},
        )

    async def cancel_export(self, job_id: str) -> None:
        """Cancel an export."""
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/messages/exports/{jobId}",
            type(None),
            names={"jobId": job_id},
        )
