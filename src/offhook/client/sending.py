"""From a method of a client to a request, and from an answer to a value; no I/O here."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import quote

import msgspec

from offhook.client.api_errors import NoAnswer, OffhookError, refusal

_SUB_ACCOUNT = "/api/v1/subaccounts/{subAccountId}"
EVENTS = f"{_SUB_ACCOUNT}/sessions/{{sessionId}}/events"
MEDIA = f"{_SUB_ACCOUNT}/media/{{name}}"
TARGETS = f"{_SUB_ACCOUNT}/campaigns/{{campaignId}}/targets"
DOWNLOAD = f"{_SUB_ACCOUNT}/messages/download/{{token}}"
"""Paths of the operations that are not JSON (``WRITTEN_BY_HAND`` in ``scripts/clients``)."""

LOCAL = "http://127.0.0.1:8080"
DEMO = "demo"

Value = TypeVar("Value")
Values = Mapping[str, object]


class ListPage(Protocol):
    """One page of a list."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None: this is the last."""


PageKind = TypeVar("PageKind", bound=ListPage)


class Content(NamedTuple):
    """A body that is not JSON."""

    data: bytes
    media_type: str


class ClientRequest(NamedTuple):
    """A request as it is sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    repeatable: bool
    """Whether it may be sent twice."""


class RawAnswer(NamedTuple):
    """An answer as it came. Names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after(self) -> float | None:
        """Seconds; None: not said, or in another form."""
        try:
            return max(0.0, float(self.headers.get("retry-after", "")))
        except ValueError:
            return None


class ApiPlace(NamedTuple):
    """Where a client's requests go, and who asks."""

    url: str
    api_key: str
    sub_account: str

    @classmethod
    def given(cls, url: str | None, api_key: str | None, sub_account: str | None) -> ApiPlace:
        """What is not given comes from the environment, as with the command ``offhook``."""
        return cls(
            (url or os.environ.get("OFFHOOK_URL") or LOCAL).rstrip("/"),
            api_key or os.environ.get("OFFHOOK_API_KEY") or "",
            sub_account or os.environ.get("OFFHOOK_SUBACCOUNT") or DEMO,
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        names: Mapping[str, str] | None = None,
        query: Values | None = None,
        body: Values | None = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ClientRequest:
        """The request of an operation. ``path`` is the document's, ``names`` fill it in.

        Absent members of ``query`` and ``body`` (None) are left out. Raises :class:`ValueError` for a
        name that would lead to another path.
        """
        filled = {"subAccountId": self.sub_account, **(names or {})}
        url = self.url + path.format_map({name: _segment(name, filled[name]) for name in filled})
        asked = _present(query)
        if asked:
            url += "?" + "&".join(f"{name}={quote(str(v), safe='')}" for name, v in asked.items())
        sent = {"accept": "application/json", **(headers or {})}
        if self.api_key:
            sent["authorization"] = f"Bearer {self.api_key}"
        data = None
        if content is not None:
            data, sent["content-type"] = content
        elif body is not None:
            data, sent["content-type"] = msgspec.json.encode(_present(body)), "application/json"
        repeatable = method != "POST" or "idempotency-key" in sent
        return ClientRequest(method, url, sent, data, repeatable)


def _segment(name: str, value: str) -> str:
    if value in ("", ".", ".."):
        raise ValueError(f"{name} is {value!r}: not a name")
    return quote(value, safe="")


def _present(members: Values | None) -> dict[str, Any]:
    return {name: value for name, value in (members or {}).items() if value is not None}


def read_answer(answer: RawAnswer, kind: type[Value]) -> Value:
    """The value of a good answer. Raises the :class:`OffhookError` of any other."""
    if not 200 <= answer.status < 300:
        raise refusal(
            answer.status, answer.body, answer.headers.get("x-request-id"), answer.retry_after
        )
    if kind is type(None):
        return None
    if kind is bytes:
        return cast("Value", answer.body)
    if kind is str:
        return cast("Value", answer.body.decode("utf-8", "replace"))
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError as error:
        raise NoAnswer(f"the answer is not what this version expects: {error}") from error


def key_headers(key: str | None) -> Mapping[str, str]:
    """The header of an idempotency key."""
    return {} if key is None else {"idempotency-key": key}


def event_headers(after: int) -> Mapping[str, str]:
    """The headers of a stream that begins behind event ``after``."""
    return {"accept": "text/event-stream"} | ({"last-event-id": str(after)} if after else {})


class _Keys:
    """What both senders share."""

    def _new_key(self) -> str:
        """A fresh idempotency key: of one call of a method, all its repetitions included."""
        return secrets.token_urlsafe(24)


class Sender(_Keys, ABC):
    """What the methods of the client need."""

    @abstractmethod
    def _send(
        self,
        method: str,
        path: str,
        kind: type[Value],
        *,
        names: Mapping[str, str] | None = None,
        query: Values | None = None,
        body: Values | None = None,
        content: Content | None = None,
        key: str | None = None,
    ) -> Value:
        """Send a request, again if need be. Raises :class:`OffhookError`."""

    def _pages(
        self,
        ask: Callable[[str | None], PageKind],
        items: Callable[[PageKind], Sequence[Value]],
    ) -> Iterator[Value]:
        """The items of all pages."""
        cursor = None
        while True:
            page = ask(cursor)
            yield from items(page)
            cursor = following(cursor, page)
            if cursor is None:
                return


class AsyncSender(_Keys, ABC):
    """What the methods of the asynchronous client need."""

    @abstractmethod
    async def _send(
        self,
        method: str,
        path: str,
        kind: type[Value],
        *,
        names: Mapping[str, str] | None = None,
        query: Values | None = None,
        body: Values | None = None,
        content: Content | None = None,
        key: str | None = None,
    ) -> Value:
        """Send a request, again if need be. Raises :class:`OffhookError`."""

    async def _pages(
        self,
        ask: Callable[[str | None], Awaitable[PageKind]],
        items: Callable[[PageKind], Sequence[Value]],
    ) -> AsyncIterator[Value]:
        """The items of all pages."""
        cursor = None
        while True:
            page = await ask(cursor)
            for each in items(page):
                yield each
            cursor = following(cursor, page)
            if cursor is None:
                return


def following(cursor: str | None, page: ListPage) -> str | None:
    """Where the next page begins. Raises :class:`OffhookError` where it is the same page again."""
    if page.next_cursor is not None and page.next_cursor == cursor:
        raise OffhookError("the server answers the same page again")
    return page.next_cursor
