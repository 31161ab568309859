"""Which legs of a session are recorded, and that the people on them are told."""

from __future__ import annotations

import logging

from offhook.execution.conversation import Conversation
from offhook.session.ports.speech import PromptError
from offhook.session.session import Leg

log = logging.getLogger(__name__)


def record_if_inbound(conversation: Conversation) -> None:
    """Record a session of a caller from the answer on, if the number that was called says so."""
    leg = conversation.session.legs[0]
    sub_account = conversation.sub_account
    numbers = sub_account.numbers if sub_account is not None else ()
    if any(each.record_inbound for each in numbers if each.msisdn == leg.destination):
        record_with(conversation, leg)


def record_with(conversation: Conversation, leg: Leg) -> None:
    """Record the session from the answer of this leg on."""
    conversation.recording.begin_with(leg.call_id, conversation.session.sub_account_id)


async def answer_a(conversation: Conversation) -> None:
    """Answer leg A where it came from outside and still rings, and tell the caller of the recording."""
    if await conversation.answer_a():
        await tell_recorded(conversation)


async def tell_recorded(conversation: Conversation) -> None:
    """Let the answered legs hear that they are recorded, if the operator wants that.

    A session whose people cannot be told is not recorded.
    """
    calls = (conversation.call_a, conversation.call_b)
    up = [call for call in calls if call is not None and conversation.is_up(call)]
    untold = conversation.recording.untold(up)
    if not untold:
        return
    owner = conversation.session.sub_account_id
    try:
        await conversation.during(conversation.recording.tell(untold, owner))
    except PromptError as error:
        log.error("the session is not recorded: the consent prompt failed: %s", error)
        end_recording(conversation)


def end_recording(conversation: Conversation) -> None:
    """The recording is over."""
    ended = conversation.recording.end()
    if ended is not None:
        conversation.record(ended)
