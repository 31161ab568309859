"""The tables of ``spec/execution.md``, "How it ends", row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.execution.flows import (
    CALLER,
    HANGUP,
    OUR_NUMBER,
    SOURCE,
    A,
    Answers,
    B,
    C,
    answer,
    make_call,
    say,
)

from offhook.testing import Offhook, Phone

Script = Callable[[Phone], Any]

HOW_A_LEG_ENDS: list[tuple[str, Script, str, int | None]] = [
    ("answered", lambda phone: phone, "COMPLETED", None),
    ("486", lambda phone: phone.busy(), "BUSY", 486),
    ("600", lambda phone: phone.refuses(600), "BUSY", 600),
    ("603", lambda phone: phone.declines(), "BUSY", 603),
    ("408", lambda phone: phone.refuses(408), "NO_ANSWER", 408),
    ("480", lambda phone: phone.refuses(480), "NO_ANSWER", 480),
    ("480, cause 20", lambda phone: phone.unreachable(), "FAILED", 480),
    ("480, cause 27", lambda phone: phone.refuses(480, q850_cause=27), "FAILED", 480),
    ("480, cause 18", lambda phone: phone.refuses(480, q850_cause=18), "NO_ANSWER", 480),
    ("ring timeout", lambda phone: phone.no_answer(), "NO_ANSWER", None),
    ("487 of its own", lambda phone: phone.refuses(487), "CANCELED", 487),
    ("302", lambda phone: phone.refuses(302), "FAILED", 302),
    ("404", lambda phone: phone.refuses(404), "FAILED", 404),
    ("503", lambda phone: phone.refuses(503), "FAILED", 503),
    ("604", lambda phone: phone.refuses(604), "FAILED", 604),
    ("no response at all", lambda phone: phone.no_response(), "FAILED", None),
]


@pytest.mark.parametrize(
    ("script", "status", "sip_code"),
    [row[1:] for row in HOW_A_LEG_ENDS],
    ids=[row[0] for row in HOW_A_LEG_ENDS],
)
def test_leg_a_alone(offhook: Offhook, script: Script, status: str, sip_code: int | None) -> None:
    script(offhook.phone(A))
    call = offhook.call([make_call(), say("Hello."), HANGUP])
    assert call.status == status
    leg = call.summary["details"]["callA"]
    assert leg["callStatus"] == status
    assert call.session.legs[0].sip_code == sip_code
    assert call.summary["callCount"] == 1
    assert call.summary["lastAction"] == ("HANGUP" if status == "COMPLETED" else "MAKE_CALL")
    assert call.spoken == (["Hello."] if status == "COMPLETED" else [])


@pytest.mark.parametrize(
    ("script", "status"),
    [(row[1], row[2]) for row in HOW_A_LEG_ENDS if row[2] != "CANCELED"],
    ids=[row[0] for row in HOW_A_LEG_ENDS if row[2] != "CANCELED"],
)
@pytest.mark.parametrize("follows", [True, False], ids=["with more actions", "as the last action"])
def test_leg_b_decides_what_a_bridge_comes_to(
    offhook: Offhook, script: Script, status: str, follows: bool
) -> None:
    script(offhook.phone(B)).hangs_up() if status == "COMPLETED" else script(offhook.phone(B))
    offhook.vca(Answers())
    more = [say("They could not be reached.")] if follows else []
    call = offhook.call([make_call(), make_call(B), *more])
    assert call.status == status
    assert call.summary["details"]["callA"]["callStatus"] == "COMPLETED"
    assert call.summary["details"]["callB"]["callStatus"] == status
    assert call.spoken == (["They could not be reached."] if follows else [])
    # A bridge that failed with nothing after it ends the session; nobody is asked.
    assert len(call.asked) == (0 if status != "COMPLETED" and not follows else 1)


def test_a_leaves_while_b_rings(offhook: Offhook) -> None:
    offhook.phone(A).waits(2).hangs_up()
    offhook.phone(B).no_answer()
    call = offhook.call([make_call(), make_call(B), say("Never."), HANGUP])
    assert call.status == "COMPLETED"
    legs = call.summary["details"]
    assert (legs["callA"]["callStatus"], legs["callB"]["callStatus"]) == ("COMPLETED", "CANCELED")


def test_a_hangs_up_in_the_bridge(offhook: Offhook) -> None:
    offhook.phone(A).waits(5).hangs_up()
    call = offhook.call([make_call(), make_call(B), say("Never."), HANGUP])
    assert call.status == "COMPLETED"
    assert (call.a.ended_by, call.b.ended_by) == ("callee", "server")
    assert call.spoken == []


def test_the_leg_bridged_last_decides(offhook: Offhook) -> None:
    offhook.vca(Answers(answer(make_call(C))))
    offhook.phone(B).waits(1).hangs_up()
    offhook.phone(C).busy()
    call = offhook.call([make_call(), make_call(B)])
    assert call.status == "BUSY"
    assert list(call.summary["details"]) == ["callA", "callB", "callC"]
    assert call.summary["callCount"] == 3
    offhook.vca(Answers(answer(make_call(C))))
    offhook.phone(B).busy()
    offhook.phone(C).waits(1).hangs_up()
    assert offhook.call([make_call(), make_call(B), say("Another one.")]).status == "COMPLETED"


# --- calls from outside

INBOUND_BRIDGE: list[tuple[str, Script, str, int]] = [
    ("busy", lambda phone: phone.busy(), "BUSY", 486),
    ("no answer", lambda phone: phone.no_answer(), "NO_ANSWER", 480),
    ("declined", lambda phone: phone.declines(), "BUSY", 486),
    ("failed", lambda phone: phone.refuses(500), "FAILED", 503),
    ("unreachable", lambda phone: phone.unreachable(), "FAILED", 503),
]


@pytest.mark.parametrize(
    ("script", "status", "refused_with"),
    [row[1:] for row in INBOUND_BRIDGE],
    ids=[row[0] for row in INBOUND_BRIDGE],
)
def test_a_caller_is_refused_as_b_was(
    offhook: Offhook, script: Script, status: str, refused_with: int
) -> None:
    script(offhook.phone(B))
    offhook.vca(Answers(answer(make_call(B))))
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.status == status
    assert call.a.refused_with == refused_with
    leg = call.summary["details"]["callA"]
    assert (leg["callStatus"], leg["callDuration"]) == ("COMPLETED", 0)
    assert "connectedTimestamp" not in leg
    assert len(call.asked) == 1


@pytest.mark.parametrize(
    ("script", "status"),
    [row[1:3] for row in INBOUND_BRIDGE],
    ids=[row[0] for row in INBOUND_BRIDGE],
)
def test_a_caller_is_answered_when_actions_follow_the_bridge(
    offhook: Offhook, script: Script, status: str
) -> None:
    script(offhook.phone(B))
    offhook.vca(Answers(answer(make_call(B), say("Nobody is there."), HANGUP)))
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert call.status == status
    assert call.spoken == ["Nobody is there."]
    assert "connectedTimestamp" in call.summary["details"]["callA"]


@pytest.mark.parametrize(
    ("decision", "status", "refused_with", "error"),
    [
        (answer(HANGUP), "COMPLETED", 603, None),
        (answer(), "COMPLETED", 603, None),
        (None, "COMPLETED", 603, None),
        ({"status": "ignored"}, "COMPLETED", 603, None),
        ("not json", "ERROR", 480, -2003),
        (answer(make_call(B, source="no number")), "ERROR", 480, -2008),
        (answer({"action": "dance"}), "ERROR", 480, -2003),
    ],
)
def test_what_is_decided_about_a_caller(
    offhook: Offhook, decision: object, status: str, refused_with: int, error: int | None
) -> None:
    offhook.restrict(caller_ids=frozenset({SOURCE}))
    offhook.vca(Answers(decision))
    call = offhook.inbound(to=OUR_NUMBER, from_=CALLER)
    assert (call.status, call.error, call.a.refused_with) == (status, error, refused_with)
    leg = call.summary["details"]["callA"]
    assert (leg["callStatus"], leg["callDuration"]) == (status, 0)
