"""The customer's side of the decision point: a function of the test, or a real server."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, final

import msgspec

from offhook.net.http_client import HttpClient, HttpRequester, HttpResponse
from offhook.net.outgoing_errors import TimedOut
from offhook.testing.errors import Runaway
from offhook.testing.loop import VirtualLoop
from offhook.testing.timeline import Timeline

VCA = "VCA"
"""The name of the customer's server in the timeline."""
MOST_QUESTIONS = 200
"""Questions of one run; a callflow that asks more often counts as endless."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A particular HTTP answer of the VCA webhook, for tests of failures."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {}
    after: float = 0.0
    """Seconds until it comes; over 10 is too late (-2002)."""


Decide = Callable[[dict[str, Any]], Any]
"""From the ``payload`` of the VCA request to the answer: a dict, None for nothing more, the body itself
as str or bytes, or an :class:`Answer`. May be async."""


@final
class Customer(HttpRequester):
    """Answers the questions of the decision point."""

    def __init__(self, decide: Decide | None, loop: VirtualLoop, timeline: Timeline) -> None:
        """``decide`` None: the webhook's URL is asked for real."""
        self.asked: list[dict[str, Any]] = []
        """Every question, envelope included; a repeated one once."""
        self.crash: Exception | None = None
        """The exception of the test's own function."""
        self._decide = decide
        self._loop = loop
        self._timeline = timeline
        self._http: HttpClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes,
        timeout: float,
        max_body: int,
        truncate: bool,
    ) -> HttpResponse:
        question = json.loads(body)
        self._note(question)
        if self.crash is not None:
            return self._response(Answer(status=400), url)
        try:
            if self._decide is None:
                return await self._ask_server(
                    url, headers=headers, body=body, timeout=timeout, max_body=max_body
                )
            async with asyncio.timeout(timeout):
                return self._response(await self._ask_function(question["payload"]), url)
        except TimeoutError as error:
            self._timeline.add(VCA, "does not answer")
            raise TimedOut(f"no answer within {timeout:g} s") from error

    def _note(self, question: dict[str, Any]) -> None:
        payload = question["payload"]
        known = [other["payload"]["eventId"] for other in self.asked]
        if payload["eventId"] in known:
            self._timeline.add("Offhook", "asks the VCA again")
            return
        self.asked.append(question)
        digits = payload["dtmf"]
        about = payload["callStatus"] + (f", dtmf {digits}" if digits is not None else "")
        self._timeline.add("Offhook", "asks the VCA:", about)
        if len(self.asked) > MOST_QUESTIONS and self.crash is None:
            self.crash = Runaway(
                f"the callflow never ends: the VCA webhook was asked {len(self.asked)} times; "
                f"the last question was {about}"
            )

    async def _ask_function(self, payload: dict[str, Any]) -> Answer:
        assert self._decide is not None
        try:
            decided = self._decide(payload)
            if inspect.isawaitable(decided):
                decided = await decided
        except Exception as error:
            self.crash = error
            return Answer(status=400)
        answer = _answer(decided)
        await asyncio.sleep(answer.after)
        return answer

    async def _ask_server(
        self, url: str, *, headers: Mapping[str, str], body: bytes, timeout: float, max_body: int
    ) -> HttpResponse:
        if self._http is None:
            self._http = HttpClient(allow_private=True)
        with self._loop.outside():
            response = await self._http.request(
                "POST",
                url,
                headers=headers,
                body=body,
                timeout=timeout,
                max_body=max_body,
                truncate=True,
            )
        self._tell(response.status, response.body)
        return response

    def _response(self, answer: Answer, url: str) -> HttpResponse:
        if self.crash is None:
            self._tell(answer.status, answer.body)
        return HttpResponse(status=answer.status, headers=answer.headers, body=answer.body, url=url)

    def _tell(self, status: int, body: bytes) -> None:
        text = body.decode("utf-8", "replace") or "(nothing more)"
        self._timeline.add(VCA, "answers", text if 200 <= status <= 299 else f"HTTP {status}")


def _answer(decided: object) -> Answer:
    match decided:
        case Answer():
            return decided
        case None:
            return Answer(status=204)
        case bytes():
            return Answer(body=decided)
        case str():
            return Answer(body=decided.encode())
        case _:
            return Answer(body=json.dumps(decided).encode())
