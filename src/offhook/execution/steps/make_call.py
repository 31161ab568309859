"""makeCall: dial leg A, or dial leg B and bridge it to A, which hears ringback meanwhile."""

from __future__ import annotations

from datetime import datetime

import msgspec

from offhook.aio import wait_or
from offhook.codes import CallStatus, RuntimeCode
from offhook.events import CallUpdated
from offhook.execution.consent import answer_a, record_with, tell_recorded
from offhook.execution.conversation import Conversation
from offhook.execution.failures import SessionFailure
from offhook.execution.player import Player
from offhook.execution.ringback import RINGBACK, RINGBACK_PAUSE
from offhook.execution.steps.outcome import Outcome
from offhook.execution.transfer import Transfer
from offhook.flow.actions import MakeCall
from offhook.flow.numbers import country_of
from offhook.session import states
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.telephony import Call
from offhook.session.routing import why_not_routed
from offhook.session.session import Leg

WAIT_KEY, WAIT = "w", 0.5
"""The key of ``sendDigits`` that waits, and its seconds."""
KEY_SPACING = 0.2
"""Seconds from one key of ``sendDigits`` to the next: 100 ms of tone and a pause."""


async def run(action: MakeCall, conversation: Conversation, player: Player) -> Outcome:
    """Leg A was routed and stored when the session was claimed; a later leg is bridged to it."""
    if conversation.call_a is None:
        if action.call_recording:
            record_with(conversation, conversation.session.legs[0])
        await conversation.dial_a(action)
        await _send_digits(conversation, conversation.line, action.send_digits or "")
        await tell_recorded(conversation)
        return Outcome(note="answered")
    if conversation.call_b is not None:
        raise SessionFailure(RuntimeCode.INVALID_CALLFLOW, "a makeCall while leg B is up")
    most = conversation.services.max_legs
    if len(conversation.session.legs) >= most:
        detail = f"a makeCall after {most} legs (limits.max_legs)"
        raise SessionFailure(RuntimeCode.INVALID_CALLFLOW, detail)
    while True:
        leg, trunks = await _stored_leg(action, conversation)
        if action.call_recording:
            record_with(conversation, leg)
        transfer = Transfer(conversation, action)
        try:
            outcome = await _bridge(action, leg, trunks, conversation, transfer)
        finally:
            await conversation.close_b()
        if transfer.to is None:
            return outcome
        action = transfer.next_call()


async def _stored_leg(action: MakeCall, conversation: Conversation) -> tuple[Leg, tuple[str, ...]]:
    """Route leg B and take its channel, durably, before its INVITE leaves."""
    services, sub_account = conversation.services, conversation.sub_account
    trunks = services.route(action.destination, sub_account) if sub_account else ()
    leg = states.dial_leg(action, sub_account, services.clock.now())
    leg = msgspec.structs.replace(leg, call_type=states.call_type_of(next(iter(trunks), None)))
    spent = services.spent_out(sub_account) if sub_account else None
    if spent is not None:
        conversation.failed_before_dialling(leg)
        raise SessionFailure(RuntimeCode.CAPACITY_EXCEEDED, spent, reason=spent)
    if not trunks:
        conversation.failed_before_dialling(leg)
        why = "no sub-account"
        if sub_account is not None:
            why = why_not_routed(action.destination, sub_account, country_of)
        raise SessionFailure(RuntimeCode.NO_COVERAGE, f"leg B: {why}")
    wanted = states.with_leg(conversation.session, leg)
    try:
        trunk = await conversation.during(services.take_channel(wanted, leg, trunks))
    except StoreUnavailable as error:
        conversation.failed_before_dialling(leg)
        raise SessionFailure(RuntimeCode.INTERNAL, f"leg B was not dialled: {error}") from error
    if trunk is None:
        conversation.failed_before_dialling(leg)
        detail = f"no free channel on {', '.join(trunks)} for leg B"
        raise SessionFailure(RuntimeCode.CAPACITY_EXCEEDED, detail)
    leg = msgspec.structs.replace(leg, trunk=trunk)
    conversation.change(states.with_leg(conversation.session, leg))
    return leg, trunks[trunks.index(trunk) :]


async def _bridge(
    action: MakeCall,
    leg: Leg,
    trunks: tuple[str, ...],
    conversation: Conversation,
    transfer: Transfer,
) -> Outcome:
    """Ring B, connect both, and wait until B hangs up (A's hang-up ends the session) or transfers A."""
    call_a = conversation.line
    call_b, connected_at = await _ring_b(action, leg, trunks, conversation)
    if connected_at is None:
        end = await call_b.wait_ended()
        return Outcome(note=end.status.value.lower().replace("_", " "), bridge=end.status)
    conversation.notice_ends()
    await answer_a(conversation)
    if call_b.ended is not None:
        return Outcome(note="hung up before the bridge", bridge=CallStatus.COMPLETED)
    await tell_recorded(conversation)
    call_a.relay(call_b)
    call_b.relay(call_a)
    bridged_at = conversation.services.clock.now()
    conversation.record(
        CallUpdated(at=bridged_at, call_id=leg.call_id, bridged_with=call_a.call_id)
    )
    left = _time_left(action, connected_at, bridged_at)
    ended = await conversation.during(wait_or(transfer.or_end(call_b), left))
    note = "bridged" if ended else "bridged until its maxDuration"
    return Outcome(note=note, bridge=CallStatus.COMPLETED)


async def _ring_b(
    action: MakeCall, leg: Leg, trunks: tuple[str, ...], conversation: Conversation
) -> tuple[Call, datetime | None]:
    """Leg B and when it answered, while A hears the ringing; None: it did not answer."""
    call_a = conversation.line
    if conversation.ringing_a is None:
        call_a.play_below(RINGBACK, pause=RINGBACK_PAUSE)
    try:
        call_b = conversation.dial_b(
            action, leg, trunks, lambda early: _ringing(early, conversation)
        )
        if conversation.ringing_a is None:
            # Early media replaces our ringback from its first packet on.
            call_b.relay(call_a)
        connected_at = await conversation.during(call_b.answer)
        if connected_at is not None:
            conversation.connected(leg.call_id, connected_at)
            await _send_digits(conversation, call_b, action.send_digits or "")
    finally:
        call_a.play_below(None)
    return call_b, connected_at


async def _send_digits(conversation: Conversation, call: Call, keys: str) -> None:
    """Send ``keys`` to a leg that was just answered, as ``sendDigits`` says."""
    for key in keys:
        if call.ended is not None:
            return
        if key != WAIT_KEY:
            call.send_digit(key)
        pause = WAIT if key == WAIT_KEY else KEY_SPACING
        await conversation.during(wait_or(call.wait_ended(), pause))


def _time_left(action: MakeCall, connected_at: datetime, now: datetime) -> float | None:
    """Seconds until the ``maxDuration`` of leg B; None: it has none."""
    if action.max_duration is None:
        return None
    return max(0.0, action.max_duration - (now - connected_at).total_seconds())


def _ringing(early_media: bool, conversation: Conversation) -> None:
    """A caller that is not answered yet hears B's early media where its trunk allows that."""
    if early_media and conversation.ringing_a is not None and conversation.call_b is not None:
        conversation.ringing_a.let_hear()
        conversation.call_b.relay(conversation.ringing_a)
