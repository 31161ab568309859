"""The client that waits for each answer."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

import httpx

from offhook.client.api_errors import NoAnswer, ServerFailed
from offhook.client.calls.every_call import EveryCall
from offhook.client.httpx_answers import fault_of, no_answer, raw
from offhook.client.live_events import LAST, QUIET, EventReader, LiveEvent
from offhook.client.retrying import Fault, RetryRule
from offhook.client.sending import (
    DOWNLOAD,
    EVENTS,
    MEDIA,
    TARGETS,
    ApiPlace,
    ClientRequest,
    Content,
    RawAnswer,
    Value,
    Values,
    event_headers,
    key_headers,
    read_answer,
)
from offhook.client.types import MediaAnswer, UploadAnswer
from offhook.client.uploads import Targets, audio, export_token, is_live, target_list


class Client(EveryCall):
    """The API of a server.

    >>> from offhook import Client
    >>> client = Client("http://127.0.0.1:8080", api_key="…", sub_account="demo")

    ``url``, ``api_key`` and ``sub_account`` come from ``OFFHOOK_URL``, ``OFFHOOK_API_KEY`` and
    ``OFFHOOK_SUBACCOUNT`` where they are not given. ``timeout``: seconds for a connection, and without
    a byte of the answer. ``retries``: how often a request is sent again at most, and only one that
    cannot act twice (:mod:`offhook.client.retrying`). ``http``: an ``httpx.Client`` of your own, for
    proxies and certificates; you close it. Methods raise :class:`~offhook.client.OffhookError`. Threads
    may share a client.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        sub_account: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 2,
        http: httpx.Client | None = None,
    ) -> None:
        self._place = ApiPlace.given(url, api_key, sub_account)
        self._retry = RetryRule(most=retries)
        self._timeout = timeout
        self._ours = http is None
        self._http = httpx.Client() if http is None else http

    def for_sub_account(self, sub_account: str) -> Client:
        """The same server and key for another sub-account, over the same connections."""
        return Client(
            self._place.url,
            self._place.api_key,
            sub_account,
            timeout=self._timeout,
            retries=self._retry.most,
            http=self._http,
        )

    def close(self) -> None:
        """Close the connections."""
        if self._ours:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def put_media(self, name: str, data: bytes) -> MediaAnswer:
        """Put a wav or mp3 file into the library, at most 5120 KiB."""
        return self._send("PUT", MEDIA, MediaAnswer, names={"name": name}, content=audio(data))

    def upload_targets(self, campaign_id: str, targets: Targets) -> UploadAnswer:
        """Add numbers to the list of a campaign, at most 8 MiB a request.

        ``targets``: numbers, :class:`.TargetBody`, or the text or bytes of a CSV file. A number that is
        on the list already is left out.
        """
        names = {"campaignId": campaign_id}
        return self._send("POST", TARGETS, UploadAnswer, names=names, content=target_list(targets))

    def download_export(self, link: str) -> bytes:
        """A file of an export: ``link`` is one of ``data`` of :meth:`get_export`."""
        return self._send("GET", DOWNLOAD, bytes, names={"token": export_token(link)})

    def follow_session(self, session_id: str, *, after: int = 0) -> Iterator[LiveEvent]:
        """The session's events as they happen, from the first (behind number ``after``) to its end.

        A connection that is lost is made anew; no event is missed and none comes twice.
        """
        failed = 0
        while True:
            seen = after
            try:
                for event in self._stream(session_id, after):
                    failed, after = 0, event.number
                    yield event
                    if event.event == LAST:
                        return
            except (httpx.RequestError, ServerFailed) as error:
                failed += 1
                luck = random.random()  # noqa: S311
                wait = self._retry.patient().after_fault(failed, Fault.UNKNOWN, luck)
                if wait is None and isinstance(error, httpx.RequestError):
                    raise no_answer(self._events(session_id, after), error) from error
                if wait is None:
                    raise
                time.sleep(wait)
            else:
                if after == seen and self._is_over(session_id):
                    return

    def _is_over(self, session_id: str) -> bool:
        """Whether no more events can come; False where the server cannot be asked now."""
        try:
            return not is_live(self.get_session(session_id))
        except (NoAnswer, ServerFailed):
            return False

    def _events(self, session_id: str, after: int) -> ClientRequest:
        headers = event_headers(after)
        return self._place.request("GET", EVENTS, names={"sessionId": session_id}, headers=headers)

    def _stream(self, session_id: str, after: int) -> Iterator[LiveEvent]:
        """One connection of :meth:`follow_session`."""
        request = self._events(session_id, after)
        reader = EventReader()
        with self._http.stream(
            request.method,
            request.url,
            headers=dict(request.headers),
            timeout=httpx.Timeout(self._timeout, read=QUIET),
        ) as response:
            if response.status_code != 200:
                read_answer(raw(response, response.read()), bytes)
            for data in response.iter_bytes():
                yield from reader.feed(data)

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
        headers = key_headers(key)
        request = self._place.request(
            method, path, names=names, query=query, body=body, content=content, headers=headers
        )
        return read_answer(self._answer(request), kind)

    def _answer(self, request: ClientRequest) -> RawAnswer:
        """The last answer to a request that is repeated as the rule says."""
        sent = 0
        while True:
            sent += 1
            luck = random.random()  # noqa: S311
            try:
                answer = self._once(request)
            except httpx.RequestError as error:
                wait = self._retry.after_fault(
                    sent, fault_of(error), luck, repeatable=request.repeatable
                )
                if wait is None:
                    raise no_answer(request, error) from error
            else:
                wait = self._retry.after_answer(
                    sent,
                    answer.status,
                    answer.retry_after,
                    luck,
                    repeatable=request.repeatable,
                )
                if wait is None:
                    return answer
            time.sleep(wait)

    def _once(self, request: ClientRequest) -> RawAnswer:
        response = self._http.request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.content,
            timeout=self._timeout,
        )
        return raw(response, response.content)
