"""What holds for every session that has ended, whatever happened to it."""

from __future__ import annotations

from datetime import datetime

from offhook.events import CallConnected, CallDisconnected, CallInitiated, SessionEnded
from offhook.testing import SimulatedSession


def check(session: SimulatedSession) -> None:
    """What holds for every session that has ended."""
    assert len(session.sent("VSS")) == 1
    assert session.summary["sessionStatus"] == session.status
    assert ("errorDetails" in session.summary) == (session.status == "ERROR")
    ends = [fact for fact in session.facts if isinstance(fact, SessionEnded)]
    assert [end.status for end in ends] == [session.status]
    assert isinstance(session.facts[-1], SessionEnded)
    times = [fact.at for fact in session.facts]
    assert times == sorted(times)
    for leg in session.session.legs:
        assert leg.status is not None
        mine = [type(fact) for fact in session.facts if getattr(fact, "call_id", "") == leg.call_id]
        assert mine.count(CallDisconnected) == (0 if leg.status == "ERROR" and not mine else 1)
        assert mine.count(CallConnected) == (leg.connected_at is not None)
        assert mine.count(CallInitiated) <= 1
        moments: list[datetime] = [
            at for at in (leg.initiated_at, leg.connected_at, leg.disconnected_at) if at is not None
        ]
        assert moments == sorted(moments)
        details = session.summary["details"].values()
        (told,) = [detail for detail in details if detail["callId"] == leg.call_id]
        assert ("connectedTimestamp" in told) == (leg.connected_at is not None)
        assert (told["callDuration"] > 0) <= ("connectedTimestamp" in told)
