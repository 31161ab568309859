"""The store's own arithmetic: turns, buckets, decisions as rows, batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from offhook.clock import new_id
from offhook.codes import CallStatus, SessionStatus
from offhook.flow.actions import Callflow, Hangup
from offhook.session.ports.record import ClaimDecision, Node, Rates
from offhook.session.session import Direction, Leg, Session
from offhook.store.buckets import BucketKind, Buckets, channels_exceeded, usage_of
from offhook.store.documents import encode_session, held_channels, micros
from offhook.store.queueing import (
    ENDPOINT_LEASES,
    Candidate,
    Group,
    MarkRow,
    PassedOver,
    Rotation,
    decided,
    shares,
)
from offhook.store.rows import BucketRow
from offhook.store.session_writes import rounds

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NODE = Node(name="n1", epoch=3)


def groups(names: str) -> list[Group]:
    return [(name, "") for name in names]


class TestRotation:
    @pytest.mark.parametrize(
        ("calls", "expected"),
        [
            ([("abcde", 2)] * 4, ["ab", "cd", "ea", "bc"]),
            ([("abc", 5)] * 2, ["abc", "abc"]),
            ([("abcd", 2), ("acd", 2)], ["ab", "cd"]),
            ([("abcd", 2), ("", 2), ("abcd", 2)], ["ab", "", "ab"]),
            ([("bcd", 1), ("abcd", 1)], ["b", "c"]),
        ],
    )
    def test_takes_groups_in_turn(
        self, calls: Sequence[tuple[str, int]], expected: Sequence[str]
    ) -> None:
        rotation = Rotation()
        taken = [rotation.turn(groups(names), limit) for names, limit in calls]
        assert taken == [groups(names) for names in expected]


def bucket(kind: str, name: str, tokens: float, at: datetime) -> dict[str, Any]:
    """A stored bucket."""
    return BucketRow(kind, name, tokens, micros(at))._asdict()


class TestBuckets:
    def test_full_at_first_and_never_over_its_capacity(self) -> None:
        rates = Rates(sub_accounts={"a": 5.0, "b": 0.2})
        stored = [bucket("sub_account", "a", 0.0, NOW - timedelta(hours=1))]
        assert Buckets(stored, rates, NOW).of(BucketKind.SUB_ACCOUNT) == {"a": 5.0, "b": 1.0}

    def test_fills_at_its_rate(self) -> None:
        stored = [bucket("trunk", "t", -0.5, NOW - timedelta(seconds=0.5))]
        buckets = Buckets(stored, Rates(trunks={"t": 4.0}), NOW)
        assert buckets.of(BucketKind.TRUNK) == {"t": 1.5}

    def test_a_clock_that_went_back_takes_nothing_away(self) -> None:
        stored = [bucket("trunk", "t", 0.5, NOW + timedelta(seconds=9))]
        assert Buckets(stored, Rates(trunks={"t": 4.0}), NOW).of(BucketKind.TRUNK) == {"t": 0.5}

    def test_after_the_clock_went_back_an_empty_bucket_fills_again(self) -> None:
        rates = Rates(trunks={"t": 4.0})
        row = Buckets([bucket("trunk", "t", 0.5, NOW + timedelta(hours=1))], rates, NOW).rows()[0]
        later = Buckets([row._asdict()], rates, NOW + timedelta(seconds=0.25))
        assert later.of(BucketKind.TRUNK) == {"t": 1.5}

    def test_only_what_was_taken_from_is_written(self) -> None:
        buckets = Buckets([], Rates(sub_accounts={"a": 2.0, "b": 2.0}), NOW)
        buckets.take(BucketKind.SUB_ACCOUNT, "a")
        buckets.take(BucketKind.SUB_ACCOUNT, "unlimited")
        assert buckets.rows() == [("sub_account", "a", 1.0, micros(NOW))]


def test_usage_counts_channels_of_every_group() -> None:
    counted = [("a", '["t","t"]', 2), ("a", "[]", 1), ("b", '["t","u"]', 3)]
    columns = ("sub_account_id", "channels", "sessions")
    rows = [dict(zip(columns, row, strict=True)) for row in counted]
    usage = usage_of(rows, Buckets([], Rates(), NOW))
    assert usage.running_by_sub_account == {"a": 3, "b": 3}
    assert usage.channels_by_trunk == {"t": 7, "u": 3}
    assert not channels_exceeded(rows, "t", before='["t"]', after='["t","t"]', channels=8)
    assert channels_exceeded(rows, "t", before='["t"]', after='["t","t"]', channels=7)


def waiting() -> Session:
    return Session(
        session_id=new_id(),
        sub_account_id="a",
        call_flow_request_id=new_id(),
        status=SessionStatus.QUEUED,
        callflow=Callflow(actions=(Hangup(),)),
        created_at=NOW,
    )


def leg(trunk: str | None, status: CallStatus | None = None) -> Leg:
    return Leg(
        call_id=new_id(),
        direction=Direction.OUTBOUND,
        source="+1",
        destination="+2",
        trunk=trunk,
        status=status,
    )


def test_only_live_legs_of_running_sessions_hold_channels() -> None:
    legs = (leg("b"), leg("a"), leg(None), leg("c", CallStatus.BUSY))
    session = msgspec.structs.replace(waiting(), legs=legs)
    running = msgspec.structs.replace(session, status=SessionStatus.RUNNING)
    assert held_channels(session) == "[]"
    assert held_channels(running) == '["a","b"]'


def mark(node: str, epoch: int, since: datetime) -> dict[str, Any]:
    """A stored mark of session "s"."""
    return MarkRow("s", node, epoch, micros(since))._asdict()


NO_MARKS = PassedOver(NODE, [], [])


class TestPassedOver:
    LIVE: ClassVar[list[dict[str, Any]]] = [{"name": "n1", "epoch": 3}, {"name": "n2", "epoch": 1}]
    LATER = NOW + timedelta(seconds=5)

    @pytest.mark.parametrize(
        ("marks", "since"),
        [
            ([], None),
            ([mark("n1", 3, NOW)], None),
            ([mark("n1", 3, NOW), mark("n2", 1, LATER)], LATER),
            ([mark("n1", 2, NOW), mark("n2", 1, LATER)], None),
            ([mark("n1", 3, NOW), mark("n2", 1, LATER), mark("dead", 9, NOW)], LATER),
        ],
    )
    def test_counts_from_when_the_last_live_node_passed_over(
        self, marks: list[dict[str, Any]], since: datetime | None
    ) -> None:
        found = PassedOver(NODE, marks, self.LIVE)
        assert found.since("s") == (None if since is None else micros(since))

    def test_the_claiming_node_counts_as_live(self) -> None:
        assert PassedOver(NODE, [mark("n2", 1, NOW)], self.LIVE[1:]).since("s") is None
        assert PassedOver(NODE, [mark("n1", 3, NOW)], []).since("s") == micros(NOW)

    @pytest.mark.parametrize(
        ("marks", "status", "forgotten"),
        [
            ([], SessionStatus.RUNNING, []),
            ([mark("n2", 1, NOW)], SessionStatus.RUNNING, [("s", "")]),
            ([mark("n2", 1, NOW)], SessionStatus.QUEUED, []),
            ([mark("n1", 3, NOW)], SessionStatus.QUEUED, [("s", "n1")]),
        ],
    )
    def test_a_node_that_knows_it_takes_marks_back(
        self, marks: list[dict[str, Any]], status: SessionStatus, forgotten: list[tuple[str, str]]
    ) -> None:
        session = msgspec.structs.replace(waiting(), session_id="s", status=status)
        assert PassedOver(NODE, marks, self.LIVE).outdated(session) == forgotten


class TestDecided:
    def candidate(self, session: Session, ready: datetime | None = None) -> Candidate:
        since = None if ready is None else micros(ready)
        waits_for = "" if ready is None else "t"
        return Candidate(session.session_id, since, waits_for, 4, encode_session(session))

    def test_a_claim_takes_from_both_buckets(self) -> None:
        session = waiting()
        running = msgspec.structs.replace(session, status=SessionStatus.RUNNING, legs=(leg("t"),))
        buckets = Buckets([], Rates(sub_accounts={"a": 2.0}, trunks={"t": 3.0, "u": 3.0}), NOW)
        plan = [ClaimDecision(session=running, trunks=("t", "u"))]
        claimed = decided(NODE, [self.candidate(session)], plan, buckets, NO_MARKS, NOW)
        assert claimed.session_rows[0][1:8] == ("RUNNING", None, "", "n1", 3, '["t"]', 4)
        assert {row[1]: row[2] for row in buckets.rows()} == {"a": 1.0, "t": 2.0}

    @pytest.mark.parametrize(("ready", "written"), [(None, False), (NOW, True)])
    def test_what_changes_nothing_is_left_out(self, ready: datetime | None, written: bool) -> None:
        session = waiting()
        buckets = Buckets([], Rates(), NOW)
        plan = [ClaimDecision(session=session, ready_since=ready, trunks=("t",) if ready else ())]
        claimed = decided(NODE, [self.candidate(session)], plan, buckets, NO_MARKS, NOW)
        assert len(claimed.decisions) == len(claimed.session_rows) == int(written)
        again = decided(NODE, [self.candidate(session, ready)], plan, buckets, NO_MARKS, NOW)
        assert again.decisions == []

    @pytest.mark.parametrize("times", [1, 2])
    def test_a_decision_nobody_asked_for_is_refused(self, times: int) -> None:
        asked, other = waiting(), waiting()
        plan = [ClaimDecision(session=asked if times == 2 else other)] * times
        with pytest.raises(ValueError, match="unasked or twice"):
            decided(NODE, [self.candidate(asked)], plan, Buckets([], Rates(), NOW), NO_MARKS, NOW)


class TestShares:
    def test_evenly_and_none_over_its_leases(self) -> None:
        under_way = {("b", ""): ENDPOINT_LEASES, ("c", ""): ENDPOINT_LEASES - 3}
        assert shares(groups("abc"), under_way, 40) == [(("a", ""), 20), (("c", ""), 3)]

    def test_nothing_where_all_are_busy(self) -> None:
        assert shares(groups("a"), {("a", ""): ENDPOINT_LEASES}, 9) == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [("", []), ("abc", [[0, 1, 2]]), ("abaa", [[0, 1], [2], [3]]), ("aabb", [[0, 2], [1, 3]])],
)
def test_rounds_hold_no_name_twice(names: str, expected: list[list[int]]) -> None:
    assert rounds(names) == expected
