"""The operator's own opt-out list: a file that numbers are appended to, or a webhook."""

from __future__ import annotations

import asyncio
import os
from typing import final

import msgspec

from offhook.clock import iso_milliseconds, new_id
from offhook.net.http_client import HttpRequester
from offhook.session.ports.opt_out_lists import OptOut, OptOutService
from offhook.session.tenancy import OptOutSettings, SubAccount, Webhook, WebhookType
from offhook.webhooks.vca import ask_webhook

BUDGET = 10.0
"""Seconds for everything, retries included."""


@final
class OperatorLists(OptOutService):
    """Appends to the file and posts to the webhook of ``[subaccounts.opt_out]``, where they are set."""

    def __init__(self, client: HttpRequester) -> None:
        self._client = client

    async def tell(self, sub_account: SubAccount, entry: OptOut) -> str | None:
        settings = sub_account.opt_out
        if settings is None:
            return None
        problems = [await self._written(settings, entry), await self._posted(settings, entry)]
        return "; ".join(problem for problem in problems if problem is not None) or None

    async def _written(self, settings: OptOutSettings, entry: OptOut) -> str | None:
        if settings.file is None:
            return None
        try:
            async with asyncio.timeout(BUDGET):
                await asyncio.to_thread(_append, settings.file, _line(entry))
        except TimeoutError:
            return f"writing {settings.file} took longer than {BUDGET:.0f} s"
        except OSError as error:
            return f"{settings.file}: {error.strerror or error}"
        return None

    async def _posted(self, settings: OptOutSettings, entry: OptOut) -> str | None:
        """Asked as a VCA webhook is: again only after a connection error, 5xx or 429."""
        if settings.webhook is None:
            return None
        webhook = Webhook(
            type=WebhookType.VCA,  # decides nothing: only the URL and the header are used
            url=settings.webhook,
            http_auth_header=settings.http_auth_header,
        )
        body = msgspec.json.encode(
            {
                "subAccountId": entry.sub_account_id,
                "number": entry.number,
                "sessionId": entry.session_id,
                "timestamp": iso_milliseconds(entry.at),
            }
        )
        event_id = entry.session_id or new_id()
        reply = await ask_webhook(self._client, webhook, body, event_id=event_id, budget=BUDGET)
        return reply.detail if reply.body is None else None


def _line(entry: OptOut) -> bytes:
    """A line of CSV: number, time, sub-account, session. None of them can hold a comma."""
    columns = (entry.number, iso_milliseconds(entry.at), entry.sub_account_id, entry.session_id)
    return (",".join(column or "" for column in columns) + "\n").encode()


def _append(path: str, line: bytes) -> None:
    """Append one line, on disk when this returns; whole lines, also while others append."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError("the line was not written whole")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
