"""Requests that the clients make, when they are sent again, and what they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
import pytest

from offhook import AsyncClient, Client
from offhook.client import (
    CallflowInvalid,
    KeyNotAccepted,
    KeyNotAllowed,
    NoAnswer,
    OffhookError,
    RequestInvalid,
    RequestRefused,
    ServerFailed,
    StateConflict,
    TooMany,
    UnknownResource,
)
from offhook.client.actions import execute_scenario, hangup, make_call, say
from offhook.client.api_errors import refusal
from offhook.client.live_events import MOST_BYTES, EventReader
from offhook.client.retrying import Fault, RetryRule
from offhook.client.sending import ApiPlace
from offhook.client.types import CampaignState, SessionList
from offhook.client.uploads import export_token, target_list

HERE = ApiPlace("http://127.0.0.1:8080", "key", "acme_corp")
ACCEPTED = {
    "sessionId": "s",
    "sessionStatus": "CREATED",
    "callFlowRequestId": "r",
    "statusCode": 1,
    "statusMessage": "Created",
    "message": "Created",
}


# --- one request


def test_a_request_has_the_sub_account_the_key_and_what_is_given() -> None:
    request = HERE.request(
        "GET",
        "/api/v1/subaccounts/{subAccountId}/numbers/{number}",
        names={"number": "+65 1/2"},
        query={"status": "A&B", "limit": 3, "cursor": None},
    )
    assert request.url == (
        "http://127.0.0.1:8080/api/v1/subaccounts/acme_corp/numbers/%2B65%201%2F2?status=A%26B&limit=3"
    )
    assert request.headers["authorization"] == "Bearer key"
    assert (request.content, request.repeatable) == (None, True)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_leads_to_another_path_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        HERE.request("DELETE", "/sessions/{sessionId}", names={"sessionId": name})


def test_what_is_not_given_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OFFHOOK_URL", "OFFHOOK_API_KEY", "OFFHOOK_SUBACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert ApiPlace.given(None, None, None) == ("http://127.0.0.1:8080", "", "demo")
    monkeypatch.setenv("OFFHOOK_URL", "https://voice.example/")
    monkeypatch.setenv("OFFHOOK_API_KEY", "from-there")
    monkeypatch.setenv("OFFHOOK_SUBACCOUNT", "acme")
    assert ApiPlace.given(None, None, None) == ("https://voice.example", "from-there", "acme")
    assert ApiPlace.given("http://a", "k", "s") == ("http://a", "k", "s")


def test_actions_are_plain_dictionaries_without_what_is_absent() -> None:
    assert say("Hello", language="en") == {
        "action": "say",
        "params": {"text": "Hello", "language": "en"},
    }
    assert hangup() == {"action": "hangup"}
    assert execute_scenario("menu", name="Ann") == {
        "action": "executeScenario",
        "params": {"scenarioName": "menu", "name": "Ann"},
    }


def test_a_list_of_numbers_is_csv_or_json() -> None:
    assert target_list("number\n+1") == (b"number\n+1", "text/csv")
    assert target_list(b"number\n+1") == (b"number\n+1", "text/csv")
    assert target_list(["+1", 2]) == (b'["+1",2]', "application/json")


def test_a_link_to_an_export_is_asked_for_by_its_token() -> None:
    assert export_token("http://elsewhere/api/v1/subaccounts/a/messages/download/tok?x=1") == "tok"
    assert export_token("tok") == "tok"


# --- again


@pytest.mark.parametrize(
    ("fault", "repeatable", "again"),
    [
        (Fault.NOT_SENT, True, True),
        (Fault.NOT_SENT, False, True),
        (Fault.UNKNOWN, True, True),
        (Fault.UNKNOWN, False, False),
    ],
)
def test_a_fault_is_tried_again_where_it_cannot_act_twice(
    fault: Fault, repeatable: bool, again: bool
) -> None:
    wait = RetryRule().after_fault(1, fault, 0.0, repeatable=repeatable)
    assert (wait is not None) == again


@pytest.mark.parametrize(
    ("status", "repeatable", "again"),
    [
        *((status, True, True) for status in (429, 502, 503, 504)),
        (429, False, True),
        *((status, False, False) for status in (502, 503, 504)),
        *((status, True, False) for status in (200, 301, 400, 401, 404, 409, 422, 500)),
    ],
)
def test_an_answer_is_final_or_not(status: int, repeatable: bool, again: bool) -> None:
    wait = RetryRule().after_answer(1, status, None, 0.0, repeatable=repeatable)
    assert (wait is not None) == again


def test_waits_double_up_to_a_limit_and_are_spread() -> None:
    rule = RetryRule(most=10)
    longest = [rule.after_fault(sent, Fault.UNKNOWN, 1.0) for sent in range(1, 8)]
    assert longest == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert rule.after_fault(1, Fault.UNKNOWN, 0.0) == 0.125
    assert rule.after_fault(11, Fault.UNKNOWN, 0.0) is None
    assert rule.after_answer(11, 503, None, 0.0, repeatable=True) is None


def test_the_server_says_how_long_to_wait_within_reason() -> None:
    rule = RetryRule(longest_wait=30)
    assert rule.after_answer(1, 429, 7.0, 1.0, repeatable=False) == 7.0
    assert rule.after_answer(1, 429, 30.0, 1.0, repeatable=False) == 30.0
    assert rule.after_answer(1, 429, 30.1, 1.0, repeatable=False) is None


class Script:
    """Answers or faults in their order; what was asked."""

    def __init__(self, *outcomes: httpx.Response | Exception) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def client(self, **named: Any) -> Client:
        transport = httpx.MockTransport(self)
        return Client(
            "http://server", "key", "acme", http=httpx.Client(transport=transport), **named
        )

    def async_client(self) -> AsyncClient:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self))
        return AsyncClient("http://server", "key", "acme", http=http)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the clients wait; they do not."""
    waited: list[float] = []

    async def later(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("offhook.client.sync_client.time.sleep", waited.append)
    monkeypatch.setattr("offhook.client.async_client.asyncio.sleep", later)
    return waited


def unavailable() -> httpx.Response:
    return httpx.Response(503, headers={"retry-after": "2"}, json={"status": "draining"})


async def test_a_callflow_is_sent_again_with_the_same_key(waits: list[float]) -> None:
    for waited in (False, True):
        good = httpx.Response(200, json=ACCEPTED)
        script = Script(httpx.ReadError("cut"), unavailable(), good)
        flow = [make_call("+1", "+2")]
        if waited:
            accepted = await script.async_client().send_callflow(flow, client_request_id="mine")
        else:
            accepted = script.client().send_callflow(flow, client_request_id="mine")
        assert accepted.session_id == "s"
        keys = {request.headers["idempotency-key"] for request in script.asked}
        assert (len(script.asked), len(keys)) == (3, 1)
        assert waits.pop() == 2.0
        assert waits.pop() <= 0.25
        body = msgspec.json.decode(script.asked[0].content)
        assert body == {"callflow": flow, "clientRequestId": "mine"}


def test_each_callflow_has_a_key_of_its_own() -> None:
    script = Script(*(httpx.Response(200, json=ACCEPTED) for _ in range(3)))
    client = script.client()
    client.send_callflow([hangup()])
    client.send_callflow([hangup()])
    client.send_callflow([hangup()], idempotency_key="own")
    first, second, third = (request.headers["idempotency-key"] for request in script.asked)
    assert first != second
    assert third == "own"


async def test_what_may_have_acted_is_not_sent_again(waits: list[float]) -> None:
    with pytest.raises(NoAnswer, match="cut"):
        Script(httpx.ReadError("cut")).client().order_campaign("c", "start")
    with pytest.raises(NoAnswer, match="cut"):
        await Script(httpx.ReadError("cut")).async_client().order_campaign("c", "start")
    with pytest.raises(ServerFailed, match="draining"):
        Script(unavailable()).client().order_campaign("c", "start")
    assert waits == []


def test_retries_end(waits: list[float]) -> None:
    script = Script(*(httpx.ConnectError("refused") for _ in range(3)))
    with pytest.raises(NoAnswer, match="GET http://server/healthz: refused"):
        script.client().get_health()
    assert (len(script.asked), len(waits)) == (3, 2)
    once = Script(httpx.ConnectError("refused"))
    with pytest.raises(NoAnswer):
        once.client(retries=0).get_health()


def test_another_sub_account_shares_the_connections() -> None:
    script = Script(
        httpx.Response(
            200,
            json={
                "totals": [],
                "usage": [],
                "since": "",
                "until": "",
                "statusCode": 0,
                "statusMessage": "ok",
            },
        )
    )
    with script.client() as client:
        client.for_sub_account("other").get_usage()
    assert script.asked[0].url.path == "/api/v1/subaccounts/other/usage"


# --- answers


def refused(status: int, body: object) -> OffhookError:
    return refusal(status, msgspec.json.encode(body), "req", None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestInvalid),
        (401, KeyNotAccepted),
        (403, KeyNotAllowed),
        (404, UnknownResource),
        (409, StateConflict),
        (413, RequestInvalid),
        (422, RequestInvalid),
        (429, TooMany),
        (500, ServerFailed),
        (503, ServerFailed),
        (302, RequestRefused),
    ],
)
def test_each_refusal_is_an_exception_of_its_own(status: int, kind: type[RequestRefused]) -> None:
    error = refused(status, {"statusCode": status, "statusMessage": "why", "errorId": "e"})
    assert type(error) is kind
    assert (error.http_status, error.status_code, error.message) == (status, status, "why")
    assert (error.error_id, error.request_id) == ("e", "req")
    assert str(error) == f"why (code {status}, HTTP {status})"


def test_a_callflow_tells_all_its_problems() -> None:
    problem = {"statusCode": -1009, "path": "$.callflow[0]", "message": "missing", "help": "/x"}
    body = {"statusCode": -1009, "statusMessage": "missing", "callFlowRequestId": "r"}
    error = refused(400, {**body, "errors": [problem]})
    assert type(error) is CallflowInvalid
    assert [(each.status_code, each.path) for each in error.problems] == [(-1009, "$.callflow[0]")]
    assert error.request_id == "r"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"null", b'{"errors": 1}', b"\xff"])
def test_what_is_no_offhook_is_refused_by_its_status(body: bytes) -> None:
    error = refusal(502, body, None, None)
    assert (type(error), str(error)) == (ServerFailed, "HTTP 502 (code 502, HTTP 502)")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"sessions": 1}'])
def test_a_good_answer_that_is_no_offhook_is_no_answer(body: bytes) -> None:
    with pytest.raises(NoAnswer, match="not what this version expects"):
        Script(httpx.Response(200, content=body)).client().list_sessions()


def test_newer_values_and_members_are_read() -> None:
    state = msgspec.json.decode(b'"RESTING"', type=CampaignState)
    assert (state, state == "RESTING", state is CampaignState.DRAFT) == ("RESTING", True, False)
    assert msgspec.json.encode(state) == b'"RESTING"'
    page = b'{"sessions": [], "statusCode": 0, "statusMessage": "ok", "newer": 1}'
    assert msgspec.json.decode(page, type=SessionList).sessions == []
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b"1", type=CampaignState)


def page(cursor: str | None) -> httpx.Response:
    body: dict[str, Any] = {"sessions": [], "statusCode": 0, "statusMessage": "ok"}
    return httpx.Response(200, json=body | ({"nextCursor": cursor} if cursor else {}))


async def test_pages_are_asked_for_until_the_last() -> None:
    script = Script(page("a"), page("b"), page(None))
    assert list(script.client().iter_sessions(status="BUSY", limit=1)) == []
    assert [request.url.params.get("cursor") for request in script.asked] == [None, "a", "b"]
    with pytest.raises(OffhookError, match="same page"):
        list(Script(page("a"), page("a")).client().iter_sessions())
    with pytest.raises(OffhookError, match="same page"):
        _ = [each async for each in Script(page("a"), page("a")).async_client().iter_sessions()]


# --- live events

FRAME = (
    b'id: 3\nevent: X\ndata: {"number":3,"event":"X","timestamp":"t","text":"a\xe2\x80\xa8b"}\n\n'
)
ENDED = b'data: {"number":4,"event":"SESSION_ENDED","timestamp":"t"}\n\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_events_are_read_in_any_pieces(size: int, ends: bytes) -> None:
    stream = (b": still here\n\n" + FRAME + b"\n" + ENDED).replace(b"\n", ends)
    reader = EventReader()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    events = [event for piece in pieces for event in reader.feed(piece)]
    assert [(event.number, event.event) for event in events] == [(3, "X"), (4, "SESSION_ENDED")]
    assert events[0].members["text"] == "a\u2028b"


@pytest.mark.parametrize("data", [b"data: x\n\n", b"data: {}\n\n", b'data: {"number": "x"}\n\n'])
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(NoAnswer, match="no event"):
        list(EventReader().feed(data))


def test_an_event_without_an_end_is_refused() -> None:
    with pytest.raises(NoAnswer, match="too long"):
        list(EventReader().feed(b"data: " + b"x" * MOST_BYTES))


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream that breaks after its pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces: Sequence[bytes] = pieces

    def __iter__(self) -> Any:
        yield from self._pieces
        raise httpx.ReadError("cut")

    async def __aiter__(self) -> Any:
        for piece in self._pieces:
            yield piece
        raise httpx.ReadError("cut")


async def test_a_stream_that_breaks_goes_on_behind_the_last_event(waits: list[float]) -> None:
    for waited in (False, True):
        script = Script(httpx.Response(200, stream=Cut(FRAME)), httpx.Response(200, content=ENDED))
        if waited:
            events = [each async for each in script.async_client().follow_session("s")]
        else:
            events = list(script.client().follow_session("s"))
        assert [event.number for event in events] == [3, 4]
        assert [request.headers.get("last-event-id") for request in script.asked] == [None, "3"]
    assert len(waits) == 2


async def test_a_stream_outlives_a_restart_of_the_server(waits: list[float]) -> None:
    for waited in (False, True):
        quiet = httpx.Response(200, content=b": still here\n\n")
        gone = [httpx.ConnectError("refused") for _ in range(3 + 5)]  # get_session, then streams
        script = Script(quiet, *gone, unavailable(), httpx.Response(200, content=ENDED))
        if waited:
            events = [each async for each in script.async_client().follow_session("s")]
        else:
            events = list(script.client().follow_session("s"))
        assert [event.event for event in events] == ["SESSION_ENDED"]
        assert script.outcomes == []


async def test_a_stream_that_is_refused_is_not_tried_again(waits: list[float]) -> None:
    answer = httpx.Response(404, json={"statusCode": 404, "statusMessage": "no"})
    with pytest.raises(UnknownResource):
        list(Script(answer).client().follow_session("s"))
    cuts = [httpx.Response(200, stream=Cut()) for _ in range(11)]
    with pytest.raises(NoAnswer, match="cut"):
        _ = [each async for each in Script(*cuts).async_client().follow_session("s")]
    with pytest.raises(ServerFailed):
        list(Script(unavailable()).client(retries=0).follow_session("s"))
    assert len(waits) == 10
