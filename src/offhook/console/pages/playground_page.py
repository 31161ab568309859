"""The playground: write a callflow, see what is wrong with it as you type, run it, watch what happens."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from offhook.console.console_parts import ConsoleParts
from offhook.console.desk import Desk, desk_of
from offhook.console.judging import judged_as
from offhook.console.moments import moments_of
from offhook.console.outcomes import sentence
from offhook.console.pages.hand_page import hold_of, ticket_of
from offhook.console.pages.session_page import facts_of, session_of
from offhook.console.rendering import data, page
from offhook.console.screens import ScreenLines
from offhook.console.told import problem_of
from offhook.console.web import NotFound, Unsuitable, WebRequest, asked, visitor_of
from offhook.flow.problems import Mode
from offhook.session.ports.screen_orders import ScreenOrder
from offhook.session.scopes import Scope
from offhook.session.tenancy import WebhookType

MOST_TEXT = 256 * 1024
"""Octets of a callflow, as the API takes them."""
ANY_NUMBER = "+12025550101"

EXAMPLES: tuple[tuple[str, list[dict[str, Any]]], ...] = (
    (
        "A voice message",
        [{"action": "say", "params": {"text": "Hello. This is Offhook.", "language": "en-US"}}],
    ),
    (
        "A menu with keys",
        [
            {
                "action": "sayAndCapture",
                "params": {
                    "promptMessage": "Press one for sales, two for support.",
                    "successMessage": "Thank you.",
                    "language": "en-US",
                    "minDigits": 1,
                    "maxDigits": 1,
                    "noOfTries": 2,
                },
            },
        ],
    ),
    (
        "A code, said twice",
        [
            {
                "action": "say",
                "params": {
                    "text": "Your code is 4, 7, 1, 1.",
                    "language": "en-US",
                    "repetition": 2,
                    "speed": 0.9,
                },
            },
            {"action": "hangup"},
        ],
    ),
)


@get("/playground")
async def playground(request: WebRequest, parts: NamedDependency[ConsoleParts]) -> Response[bytes]:
    """The editor, the phone and the exchange."""
    desk = desk_of(request, parts)
    owner = parts.directory.sub_account(desk.account)
    phones = [(phone.number, phone.outcome) for phone in parts.config.testbed.phones]
    called = next((number for number, outcome in phones if outcome == "answer"), ANY_NUMBER)
    first = {
        "action": "makeCall",
        "params": {
            "source": (owner.own_number if owner else None) or "+6512341234",
            "destination": called,
        },
    }
    examples = [{"name": name, "callflow": [first, *actions]} for name, actions in EXAMPLES]
    return page(
        request,
        "playground.html",
        desk=desk,
        phones=phones,
        examples=msgspec.json.encode(examples).decode(),
        names=[name for name, _ in EXAMPLES],
        answers_itself=owner is not None and WebhookType.VCA in owner.webhooks,
        may_run=visitor_of(request).may(Scope.CALLFLOWS_WRITE),
        base=f"{request.url.scheme}://{request.url.netloc}",
    )


@post("/playground/{account:str}/judge", status_code=200)
async def judged(
    request: WebRequest, parts: NamedDependency[ConsoleParts], account: FromPath[str]
) -> Response[bytes]:
    """What is wrong with a callflow, and where. Nothing is stored: people type.

    ``?decision=1``: as the answer of a VCA webhook, which need not begin with makeCall.
    """
    mode = Mode.DECISION if asked(request, "decision") else Mode.SUBMITTED
    return data(await judged_as(request, parts, account, await body_of(request), mode))


@post("/playground/{account:str}/run", status_code=200)
async def run(
    request: WebRequest,
    parts: NamedDependency[ConsoleParts],
    lines: NamedDependency[ScreenLines],
    account: FromPath[str],
) -> Response[bytes]:
    """Make the call. ``?desk=…``: its questions are answered by hand at this desk of the browser."""
    visitor = visitor_of(request)
    if not visitor.opens(account):
        raise NotFound("There is no such sub-account")
    desk = asked(request, "desk", 32)
    if desk:
        hold_of("", desk)  # what is no desk is refused before the call
    body = await body_of(request)
    reply = await Desk(parts, visitor, account).send("POST", "callflows", body=body)
    try:
        answer = reply.json()
    except msgspec.DecodeError:
        return data({"problem": problem_of(reply)}, status=reply.status)
    began = {"status": reply.status, "answer": answer}
    session_id = answer.get("sessionId") if isinstance(answer, dict) else None
    if desk and session_id:
        lines.hold(hold_of(session_id, desk))
        began["ticket"] = ticket_of(visitor, session_id, desk)
    return data(began)


async def body_of(request: WebRequest) -> bytes:
    """What was sent, and one octet more than may be where it is too much."""
    return (await request.body())[: MOST_TEXT + 1]


@get("/playground/session/{session_id:str}")
async def followed(
    request: WebRequest, parts: NamedDependency[ConsoleParts], session_id: FromPath[str]
) -> Response[bytes]:
    """What has happened in a session so far, for the page to show."""
    session = await session_of(request, parts, session_id)
    facts = await facts_of(parts, session)
    found = moments_of(facts._replace(messages=()), session.created_at)
    return data(
        {
            "status": session.status.value,
            "final": session.status.final,
            "sentence": sentence(session),
            "moments": [
                {
                    "seconds": one.milliseconds / 1000,
                    "name": one.name,
                    "facts": one.facts,
                    "details": one.details,
                }
                for one in found
            ],
        }
    )


@get("/playground/phone/{number:str}/{screen:str}")
async def phone_heard(
    parts: NamedDependency[ConsoleParts],
    lines: NamedDependency[ScreenLines],
    number: FromPath[str],
    screen: FromPath[str],
) -> Stream | Response[bytes]:
    """What a built-in phone hears, as server-sent events; it is held as long as they are read."""
    if number not in {phone.number for phone in parts.config.testbed.phones}:
        raise NotFound("There is no such built-in phone")
    _order(screen, number, "hold")
    if lines.full():
        return data({"problem": "All phones are in use. Try again in a minute."}, status=503)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(lines.hear(screen, number), media_type="text/event-stream", headers=headers)


@post("/playground/phone/{number:str}/{screen:str}/{order:str}", status_code=204)
async def phone_ordered(
    lines: NamedDependency[ScreenLines],
    number: FromPath[str],
    screen: FromPath[str],
    order: FromPath[str],
) -> None:
    """A key is pressed, or the phone hung up; only the browser that holds it knows its id."""
    lines.order(_order(screen, number, order))


def _order(screen: str, number: str, order: str) -> ScreenOrder:
    try:
        return msgspec.convert(
            {"screen": screen, "number": number, "order": order}, type=ScreenOrder
        )
    except msgspec.ValidationError:
        raise Unsuitable("There is no such order") from None


handlers = [playground, judged, run, followed, phone_heard, phone_ordered]
