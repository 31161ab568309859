"""What happened in a session, in one sentence."""

from __future__ import annotations

import pytest
from tests.support.console_sessions import Told, recent

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.console.outcomes import Tone, sentence, tone_of
from offhook.session.session import Leg, LegFailure, Session, SessionError, TrunkTry

T = Told("t", recent())
TALKED = T.leg("A", connected_at=T.at(2), disconnected_at=T.at(9.5), status=CallStatus.COMPLETED)
BUSY = T.leg(
    "A",
    disconnected_at=T.at(3.4),
    status=CallStatus.BUSY,
    sip_code=486,
    failure=LegFailure(sip_reason="Busy Here", q850_cause=17),
)


def ended(status: SessionStatus, *legs: Leg, error: SessionError | None = None) -> Session:
    return T.session(status, *legs, error=error, ended_at=T.at(10))


SENTENCES = [
    (T.session(SessionStatus.QUEUED), "It waits for its turn to be dialled."),
    (T.session(SessionStatus.RUNNING), "It is being started."),
    (T.session(SessionStatus.RUNNING, T.leg("A")), "Calling +12025550101."),
    (
        T.session(SessionStatus.RUNNING, T.leg("A", connected_at=T.at(2)), last_action="SAY"),
        "Talking with +12025550101; the action is say.",
    ),
    (
        ended(SessionStatus.COMPLETED, TALKED),
        "Completed: +12025550101 was on the phone for 7.5 s.",
    ),
    (
        ended(SessionStatus.COMPLETED, TALKED, BUSY),
        "Completed: +12025550101 was on the phone for 7.5 s. The call to +12025550101 was not "
        "answered: the far end answered 486 Busy Here after 3.2 s on trunk main, Q.850 cause 17.",
    ),
    (
        ended(SessionStatus.BUSY, BUSY),
        "Busy: the far end answered 486 Busy Here after 3.2 s on trunk main, Q.850 cause 17.",
    ),
    (
        ended(
            SessionStatus.FAILED,
            T.leg(
                "A",
                status=CallStatus.FAILED,
                disconnected_at=T.at(1.2),
                failure=LegFailure(
                    detail="no trunk took the call",
                    tries=(TrunkTry(trunk="a", sip_code=503), TrunkTry(trunk="b", detail="away")),
                ),
            ),
        ),
        "The call failed: no trunk took the call; tried a (503), b (away).",
    ),
    (
        ended(
            SessionStatus.NO_ANSWER,
            T.leg("A", status=CallStatus.NO_ANSWER, disconnected_at=T.at(30.2)),
        ),
        "No answer: nobody answered after 30.0 s on trunk main.",
    ),
    (
        ended(
            SessionStatus.ERROR,
            error=SessionError(code=RuntimeCode.SYNTHESIS_FAILED, action="SAY", detail="no voice"),
        ),
        "Error -2005 in the action say: Unable to synthesize text to speech (no voice).",
    ),
    (
        ended(SessionStatus.UNSUBSCRIBED_CONTACT),
        "Never dialled: the number is on the opt-out list.",
    ),
    (ended(SessionStatus.CANCELED), "Canceled before it was dialled."),
    (ended(SessionStatus.COMPLETED_UNSUBSCRIBED, TALKED), "Completed unsubscribed."),
]


@pytest.mark.parametrize(("session", "text"), SENTENCES)
def test_a_sentence_says_what_happened(session: Session, text: str) -> None:
    assert sentence(session) == text


def test_every_status_has_a_kind() -> None:
    kinds = {status.value: tone_of(status) for status in SessionStatus}
    assert {name for name, kind in kinds.items() if kind is Tone.GOOD} == {
        "COMPLETED",
        "COMPLETED_UNSUBSCRIBED",
    }
    assert {name for name, kind in kinds.items() if kind is Tone.FAILED} == {
        "FAILED",
        "ERROR",
        "COMPLETED_UNSUB_ERROR",
    }
    assert tone_of("dead") is Tone.FAILED
    assert tone_of("delivered") is Tone.GOOD
