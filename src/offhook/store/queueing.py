"""The parts of a claim or a lease that are computed in Python, the same for every dialect. No I/O."""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.codes import SessionStatus
from offhook.session.opting_out import listed_number
from offhook.session.ports.record import ClaimDecision, Node, Queued, Rates
from offhook.session.session import Session
from offhook.store.buckets import BucketKind, Buckets
from offhook.store.documents import (
    encode_session,
    held_channels,
    known_session,
    micros,
    optional_from_micros,
    optional_micros,
)
from offhook.store.rows import (
    DecisionRow,
    EventRow,
    OutboxRow,
    Row,
    event_documents,
    event_rows,
    outbox_row,
)

log = logging.getLogger(__name__)

Group = tuple[str, str]
"""(sub-account, missing trunk) of the queue, (sub-account, type) of the outbox."""

ENDPOINT_LEASES = 64
"""Deliveries under way at most to one (sub-account, type)."""


class Candidate(NamedTuple):
    """A row of the queue."""

    session_id: str
    ready_since: int | None
    waits_for: str
    event_count: int
    document: str

    @classmethod
    def of(cls, row: Row) -> Candidate:
        """From a row that was read."""
        return cls(*(row[column] for column in cls._fields))

    def queued(self, session: Session, marks: PassedOver) -> Queued:
        """The session as the planner gets it."""
        return Queued(
            session=session,
            ready_since=optional_from_micros(self.ready_since),
            passed_over_since=optional_from_micros(marks.since(self.session_id)),
        )

    def set_aside(self) -> DecisionRow:
        """The row with which a session that this version cannot read waits beside the others."""
        return DecisionRow(
            session_id=self.session_id,
            status=SessionStatus.QUEUED.value,
            ready_since=self.ready_since,
            waits_for=_UNREADABLE,
            node=None,
            epoch=None,
            channels="[]",
            event_count=self.event_count,
            document=self.document,
        )


class Waiting(NamedTuple):
    """What a claim looks at, apart from what a newer version has stored."""

    known: list[tuple[Candidate, Session]]
    set_aside: list[DecisionRow]
    """Rows to write: these sessions stood before others of their group and would hide them."""

    @classmethod
    def of(cls, candidates: Iterable[Candidate]) -> Waiting:
        """Read the documents of ``candidates``."""
        known: list[tuple[Candidate, Session]] = []
        aside: list[DecisionRow] = []
        for candidate in candidates:
            session = known_session(candidate.document)
            if session is not None:
                known.append((candidate, session))
            elif candidate.waits_for != _UNREADABLE:
                log.warning(
                    "session %s is left to nodes of a newer version: cannot read it",
                    candidate.session_id,
                )
                aside.append(candidate.set_aside())
        return cls(known, aside)

    def candidates(self) -> list[Candidate]:
        """Those that can be read."""
        return [candidate for candidate, _ in self.known]

    def queued(self, marks: PassedOver) -> list[Queued]:
        """Those that can be read, as the planner gets them."""
        return [candidate.queued(session, marks) for candidate, session in self.known]


def asked_numbers(queued: Iterable[Queued], rates: Rates) -> list[tuple[str, str]]:
    """The (sub-account, number) pairs to be looked up in the opt-out lists."""
    pairs = (listed_number(each.session) for each in queued) if rates.opt_out_lists else ()
    return sorted({pair for pair in pairs if pair is not None and pair[0] in rates.opt_out_lists})


def with_opt_outs(queued: Sequence[Queued], found: Iterable[Sequence[str]]) -> Sequence[Queued]:
    """The sessions, those to a number that was found on its list marked."""
    listed = {(pair[0], pair[1]) for pair in found}
    if not listed:
        return queued
    return [
        msgspec.structs.replace(each, opted_out=listed_number(each.session) in listed)
        for each in queued
    ]


class MarkRow(NamedTuple):
    """A row of ``passed_over``."""

    session_id: str
    node: str
    epoch: int
    since: int


class PassedOver:
    """The nodes that have passed over each waiting session, during one claim of ``node``."""

    def __init__(self, node: Node, rows: Iterable[Row], live: Iterable[Row]) -> None:
        """``live``: name and epoch of the voice nodes that live."""
        self._node = node
        self._nodes = {row["name"]: row["epoch"] for row in live} | {node.name: node.epoch}
        self._since: dict[str, dict[str, int]] = {}
        self._all: set[str] = set()
        for row in rows:
            self._all.add(row["session_id"])
            if self._nodes.get(row["node"]) == row["epoch"]:
                self._since.setdefault(row["session_id"], {})[row["node"]] = row["since"]

    def since(self, session_id: str) -> int | None:
        """Since when every live node has passed it over (microseconds); None: one has not."""
        by_node = self._since.get(session_id, {})
        return max(by_node.values()) if by_node.keys() == self._nodes.keys() else None

    def by_this_node(self, session_id: str) -> bool:
        """Whether the claiming node has passed it over."""
        return self._node.name in self._since.get(session_id, {})

    def row(self, session_id: str, now: datetime) -> MarkRow:
        """The row that says that the claiming node passes the session over."""
        return MarkRow(session_id, self._node.name, self._node.epoch, micros(now))

    def outdated(self, session: Session) -> list[tuple[str, str]]:
        """(session, node) of marks to delete because the claiming node knows the session now.

        The node ``''`` means all: the session leaves the queue.
        """
        if session.session_id not in self._all:
            return []
        if session.status is not SessionStatus.QUEUED:
            return [(session.session_id, "")]
        if self.by_this_node(session.session_id):
            return [(session.session_id, self._node.name)]
        return []


class Rotation:
    """Takes groups in turn over successive calls, so that the first ones do not always win."""

    def __init__(self) -> None:
        self._last: Group | None = None

    def turn(self, groups: Sequence[Group], limit: int) -> list[Group]:
        """At most ``limit`` of the sorted ``groups``, beginning after the last one given."""
        if self._last is None:
            chosen = list(groups[:limit])
        else:
            start = bisect_right(groups, self._last)
            chosen = [*groups[start:], *groups[:start]][:limit]
        self._last = chosen[-1] if chosen and len(chosen) < len(groups) else None
        return chosen


class Claimed(NamedTuple):
    """What a claim writes."""

    decisions: list[ClaimDecision]
    session_rows: list[DecisionRow]
    event_rows: list[EventRow]
    outbox_rows: list[OutboxRow]
    new_marks: list[MarkRow]
    old_marks: list[tuple[str, str]]
    """As :meth:`PassedOver.outdated` gives them."""


def _unmoved(decision: ClaimDecision, candidate: Candidate) -> bool:
    """Whether the session stays QUEUED as it was."""
    stays = decision.session.status is SessionStatus.QUEUED and not decision.events
    return stays and _place(decision) == (candidate.ready_since, candidate.waits_for)


_UNREADABLE = "?"
"""``waits_for`` of a session that a newer version has stored in a form that another node could not read."""
_HELD = "@"
"""How ``waits_for`` begins where a session waits for a time: no trunk's name begins so."""


def due_groups(groups: Iterable[Group], now: datetime) -> list[Group]:
    """The groups of the queue without those that wait for a later time."""
    at = _held_until(now)
    return [group for group in groups if not group[1].startswith(_HELD) or group[1] <= at]


def _held_until(at: datetime) -> str:
    return f"{_HELD}{micros(at):020d}"


def _place(decision: ClaimDecision) -> tuple[int | None, str]:
    """``ready_since`` and ``waits_for`` after a decision."""
    if decision.not_before is not None:
        return None, _held_until(decision.not_before)
    ready = optional_micros(decision.ready_since)
    return ready, "" if ready is None else (*decision.trunks, "*")[0]


def _store(claimed: Claimed, decision: ClaimDecision, candidate: Candidate, node: Node) -> None:
    """Add what a decision writes to ``claimed``."""
    session = decision.session
    running = session.status is SessionStatus.RUNNING
    ready_since, waits_for = _place(decision)
    documents = event_documents(decision.events)
    claimed.decisions.append(decision)
    claimed.session_rows.append(
        DecisionRow(
            session_id=session.session_id,
            status=session.status.value,
            ready_since=ready_since,
            waits_for=waits_for,
            node=node.name if running else None,
            epoch=node.epoch if running else None,
            channels=held_channels(session),
            event_count=candidate.event_count + len(documents),
            document=encode_session(session),
        )
    )
    claimed.event_rows.extend(event_rows(session.session_id, documents, candidate.event_count))
    claimed.outbox_rows.extend(outbox_row(entry) for entry in decision.outbox)


def _take_tokens(decision: ClaimDecision, buckets: Buckets) -> None:
    """Take a call off the buckets of its sub-account and trunk, if it starts."""
    if decision.session.status is SessionStatus.RUNNING:
        buckets.take(BucketKind.SUB_ACCOUNT, decision.session.sub_account_id)
        for trunk in decision.trunks[:1]:
            buckets.take(BucketKind.TRUNK, trunk)


def decided(
    node: Node,
    waiting: Sequence[Candidate],
    plan: Iterable[ClaimDecision],
    buckets: Buckets,
    marks: PassedOver,
    now: datetime,
) -> Claimed:
    """Turn the planner's decisions into rows; those that change nothing are left out.

    Raises ValueError for a decision about a session that was not in the plan.
    """
    candidates = {candidate.session_id: candidate for candidate in waiting}
    claimed = Claimed([], [], [], [], [], [])
    for decision in plan:
        session = decision.session
        candidate = candidates.pop(session.session_id, None)
        if candidate is None:
            raise ValueError(f"the planner decided about {session.session_id} unasked or twice")
        if decision.passed_over is not None:
            if not marks.by_this_node(session.session_id):
                claimed.decisions.append(decision)
                claimed.new_marks.append(marks.row(session.session_id, now))
            continue
        claimed.old_marks.extend(marks.outdated(session))
        if not _unmoved(decision, candidate):
            _store(claimed, decision, candidate, node)
            _take_tokens(decision, buckets)
    return claimed


def shares(
    groups: Sequence[Group], counts: Mapping[Group, int], limit: int
) -> list[tuple[Group, int]]:
    """How many deliveries to take from each endpoint: in turn, none over ENDPOINT_LEASES."""
    left = {group: ENDPOINT_LEASES - counts.get(group, 0) for group in groups}
    open_ = [group for group in groups if left[group] > 0]
    if not open_:
        return []
    share = max(1, limit // len(open_))
    return [(group, min(left[group], share)) for group in open_]
