"""The rows that the hot calls write. The caller encodes them, so that a batch only moves rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from offhook.events import AnyEvent
from offhook.session.ports.record import (
    IdempotencyConflict,
    InboundLimits,
    Node,
    OutboxEntry,
    Rates,
    RequestRecord,
    TooFast,
    TrunkFull,
    TrunkPace,
)
from offhook.session.session import Session
from offhook.store.buckets import BucketKind, Buckets, channels_exceeded
from offhook.store.documents import encode_session, held_channels, late
from offhook.store.rows import (
    IDEMPOTENCY_WINDOW,
    BucketRow,
    EventRow,
    KeyRow,
    OutboxRow,
    RequestRow,
    Row,
    SessionRow,
    event_documents,
    event_rows,
    outbox_row,
    request_row,
    session_row,
)
from offhook.store.search_terms import TermRow, first_terms, later_terms
from offhook.store.usage_rows import CountedUsage, usage_rows


class Accept(NamedTuple):
    """A request, and the session it made unless it was rejected."""

    request: RequestRecord
    request_row: RequestRow
    session_row: SessionRow | None
    event_rows: list[EventRow]
    term_rows: list[TermRow]

    @property
    def key(self) -> tuple[str, str] | None:
        """The values that two requests with the same Idempotency-Key share."""
        if self.request.idempotency_key is None:
            return None
        return self.request.sub_account_id, self.request.idempotency_key

    @property
    def oldest_key(self) -> int:
        """A key used at this time (microseconds) or before has expired."""
        return self.request_row.at - IDEMPOTENCY_WINDOW

    @property
    def key_row(self) -> KeyRow:
        """The row that notes :attr:`key`, which is not None."""
        assert self.key is not None
        return KeyRow(*self.key, self.request.call_flow_request_id, self.request_row.at)

    def answer(self, known: RequestRecord) -> RequestRecord | IdempotencyConflict:
        """The answer where ``known`` is the first request with the same key."""
        if known.body != self.request.body:
            return IdempotencyConflict("this Idempotency-Key came with another body before")
        return known


class Save(NamedTuple):
    """The next state of a session."""

    node: Node
    session_id: str
    status: str
    channels: str
    document: str
    event_documents: list[str]
    events: Sequence[AnyEvent]
    """The same events, to be encoded as late facts only if they are."""
    outbox_rows: list[OutboxRow]
    term_rows: list[TermRow]
    """The search terms that this state adds."""
    usage_rows: list[CountedUsage]
    """What a session that ends has used."""

    def late(self) -> list[str]:
        """The documents to keep when the node may not write the session."""
        return late(self.events)


class ChannelCall(NamedTuple):
    """A save for which a trunk must have a free channel."""

    save: Save
    trunk: str
    channels: int | None
    """None: no limit."""
    pace: TrunkPace | None = None
    """The limit of calls a second; None: none."""

    def paced(self, buckets: Iterable[Row]) -> list[BucketRow] | None:
        """The rows that count the call, from those of all buckets; None: the trunk starts too many now."""
        return _counted(self.trunk, self.pace, buckets)

    def finds_none(self, usage: Iterable[Row], own: str | None) -> bool:
        """Whether the trunk would hold more than ``channels`` with the session as it is saved.

        ``usage``: what every running session holds; ``own``: what this session holds, if it runs.
        """
        return self.channels is not None and channels_exceeded(
            usage, self.trunk, own or "[]", self.save.channels, self.channels
        )


class Admit(NamedTuple):
    """A session that an inbound call begins, for which its trunk must have room."""

    session_row: SessionRow
    event_rows: list[EventRow]
    term_rows: list[TermRow]
    limits: InboundLimits

    def admitted(self, usage: Iterable[Row], buckets: Iterable[Row]) -> list[BucketRow]:
        """The rows that count the call, from what runs and from all buckets.

        Raises TrunkFull and TooFast.
        """
        trunk, channels, pace = self.limits
        if channels is not None and channels_exceeded(
            usage, trunk, "[]", self.session_row.channels, channels
        ):
            raise TrunkFull(f"all {channels} channels are in use")
        rows = _counted(f"inbound:{trunk}", pace, buckets)  # no name of a trunk has a colon
        if rows is None:
            raise TooFast("it gets more calls a second than its inbound_cps")
        return rows


def admit_call(
    node: Node, session: Session, events: Sequence[AnyEvent], limits: InboundLimits | None
) -> Admit:
    """Encode a session that begins with an inbound call."""
    documents = event_documents(events)
    return Admit(
        session_row(session, len(documents), node),
        event_rows(session.session_id, documents),
        first_terms(session),
        limits or InboundLimits(trunk=""),
    )


def _counted(bucket: str, pace: TrunkPace | None, buckets: Iterable[Row]) -> list[BucketRow] | None:
    """Take a token of one call from a trunk's ``bucket``; None: it has none now."""
    if pace is None:
        return []
    limited = Buckets(buckets, Rates(trunks={bucket: pace.cps}), pace.now)
    if limited.of(BucketKind.TRUNK)[bucket] < 1.0:
        return None
    limited.take(BucketKind.TRUNK, bucket)
    return limited.rows()


def accept_call(
    request: RequestRecord, session: Session | None, events: Sequence[AnyEvent]
) -> Accept:
    """Encode an accepted (or, without session, rejected) request."""
    if session is None:
        return Accept(request, request_row(request), None, [], [])
    documents = event_documents(events)
    return Accept(
        request,
        request_row(request),
        session_row(session, len(documents)),
        event_rows(session.session_id, documents),
        first_terms(session),
    )


def save_call(
    node: Node, session: Session, events: Sequence[AnyEvent], outbox: Sequence[OutboxEntry]
) -> Save:
    """Encode a change of a session."""
    return Save(
        node=node,
        session_id=session.session_id,
        status=session.status.value,
        channels=held_channels(session),
        document=encode_session(session),
        event_documents=event_documents(events),
        events=events,
        outbox_rows=[outbox_row(entry) for entry in outbox],
        term_rows=later_terms(session),
        usage_rows=usage_rows(session, node.name),
    )


def rounds(names: Sequence[str]) -> list[list[int]]:
    """Indexes of ``names`` in groups that hold no name twice, order kept per name.

    One statement changes a row once; a second change of it needs a second statement.
    """
    seen: dict[str, int] = {}
    found: list[list[int]] = []
    for index, name in enumerate(names):
        turn = seen.get(name, 0)
        seen[name] = turn + 1
        if turn == len(found):
            found.append([])
        found[turn].append(index)
    return found
