"""The first page: what runs, and what is broken since when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.response import Stream

from offhook.console.board import Board, Snapshot, Watch
from offhook.console.choice import Choice, choice_of
from offhook.console.console_parts import ConsoleParts
from offhook.console.outcomes import Tone, tone_of
from offhook.console.rendering import NONE, data, page, span
from offhook.console.web import WebRequest, asked
from offhook.session.ports.console_records import OutcomeCount
from offhook.session.ports.record import DEAD_AFTER

HOUR = timedelta(hours=1)
CURL = """curl -H "Authorization: Bearer $OFFHOOK_API_KEY" -H "Content-Type: application/json" \\
  {base}/api/v1/subaccounts/{account}/callflows \\
  -d '{{"callflow": [
    {{"action": "makeCall", "params": {{"source": "{source}", "destination": "+12025550101"}}}},
    {{"action": "say", "params": {{"text": "Hello", "language": "en-US"}}}}]}}'"""
"""A first callflow."""

OWN_CODES = {
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    603: "Decline",
}


class HourFigures(NamedTuple):
    """An hour in numbers."""

    calls: int
    failed: int
    rate: str
    """Completed of those that have ended."""


class Cause(NamedTuple):
    """A SIP status that calls ended with."""

    code: int
    name: str
    now: int
    before: int


class SiteFigures(NamedTuple):
    """The installation, for operators."""

    queued: int
    oldest: str
    deliveries: int
    late: str
    up: int
    down: int
    down_names: str
    nodes: int
    silent: str


@get("/now")
async def now(
    request: WebRequest, parts: NamedDependency[ConsoleParts], board: NamedDependency[Board]
) -> Response[bytes]:
    """What runs now, and the last hour against the hour before."""
    choice = choice_of(request)
    at = parts.clock.now()
    watch = watch_of(request, choice)
    board_seen = await board.look(watch)
    counts = await parts.store.outcome_counts(choice.owners, at - HOUR, at, HOUR * 24)
    earlier = await parts.store.outcome_counts(choice.owners, at - 2 * HOUR, at - HOUR, HOUR * 24)
    return page(
        request,
        "now.html",
        board=board_seen,
        trunk=watch.trunk,
        trunks=_trunks(parts, choice, board_seen),
        hour=hour_figures(counts),
        before=hour_figures(earlier),
        causes=await _causes(parts, choice, at),
        site=await _site(parts, at) if choice.visitor.is_operator and not choice.account else None,
        curl=_curl(request, choice),
    )


@get("/now/calls")
async def live_calls(request: WebRequest, board: NamedDependency[Board]) -> Response[bytes]:
    """What runs now, for a page that cannot follow."""
    return data(await board.look(watch_of(request, choice_of(request))))


@get("/now/stream")
async def live_stream(
    request: WebRequest, board: NamedDependency[Board]
) -> Stream | Response[bytes]:
    """What runs, as server-sent events."""
    watch = watch_of(request, choice_of(request))
    if board.full():
        return data({"problem": "Too many browsers follow already."}, status=503)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Stream(board.follow(watch), media_type="text/event-stream", headers=headers)


def watch_of(request: WebRequest, choice: Choice) -> Watch:
    """What of the live list the address asks for."""
    return Watch(choice.owners, asked(request, "trunk", 64))


def _trunks(parts: ConsoleParts, choice: Choice, board: Snapshot) -> list[str]:
    """The trunks to choose from: for others than operators those of their own calls."""
    if choice.visitor.is_operator:
        return sorted({*board.trunks, *(trunk.name for trunk in parts.config.trunks)})
    return board.trunks


def hour_figures(counts: Sequence[OutcomeCount]) -> HourFigures:
    """The numbers of an hour from its counts by status."""
    ended = sum(one.sessions for one in counts if one.status.final)
    good = sum(one.sessions for one in counts if tone_of(one.status) is Tone.GOOD)
    failed = sum(one.sessions for one in counts if tone_of(one.status) is Tone.FAILED)
    rate = f"{100 * good / ended:.0f} %" if ended else NONE
    return HourFigures(sum(one.sessions for one in counts), failed, rate)


async def _causes(parts: ConsoleParts, choice: Choice, at: datetime) -> list[Cause]:
    now_by_code = await parts.store.sip_code_counts(choice.owners, at - HOUR, at)
    before = await parts.store.sip_code_counts(choice.owners, at - 2 * HOUR, at - HOUR)
    codes = sorted(
        (code for code in {*now_by_code, *before} if code >= 300),
        key=lambda code: (-now_by_code.get(code, 0), code),
    )
    return [
        Cause(code, _code_name(code), now_by_code.get(code, 0), before.get(code, 0))
        for code in codes[:8]
    ]


def _code_name(code: int) -> str:
    if code in OWN_CODES:
        return OWN_CODES[code]
    return HTTPStatus(code).phrase if code in set(HTTPStatus) else ""


async def _site(parts: ConsoleParts, at: datetime) -> SiteFigures:
    site = await parts.store.installation()
    states = [state for _, state in await parts.store.trunk_states()]
    down = sorted({state.trunk for state in states if not state.up})
    names = {trunk.name for trunk in parts.config.trunks}
    late = site.oldest_delivery_at is not None and at - site.oldest_delivery_at > timedelta(0)
    alive = [node for node in site.nodes if node.heartbeat_at is not None]
    silent = [node.name for node in alive if at - (node.heartbeat_at or at) > DEAD_AFTER]
    return SiteFigures(
        queued=site.queued,
        oldest=span(at - site.oldest_queued_at) if site.oldest_queued_at else "",
        deliveries=site.pending_deliveries,
        late=span(at - site.oldest_delivery_at) if late and site.oldest_delivery_at else "",
        up=len(names - set(down)),
        down=len(names & set(down)),
        down_names=", ".join(name for name in down if name in names),
        nodes=len(alive),
        silent=", ".join(silent) and f"no sign of {', '.join(silent)}",
    )


def _curl(request: WebRequest, choice: Choice) -> str:
    own = choice.visitor.sub_accounts()
    chosen = next((one for one in own if one.sub_account_id in choice.owners), None)
    return CURL.format(
        base=f"{request.url.scheme}://{request.url.netloc}",
        account=chosen.sub_account_id if chosen else "YOUR_SUB_ACCOUNT",
        source=(chosen.own_number if chosen else None) or "+6512341234",
    )


handlers = [now, live_calls, live_stream]
