"""Campaigns and their lists in a database.

The writes of the process that calls are written by hand for each dialect (``sqlite/lists.py``,
``postgres/lists.py``): they move many rows in one transaction, under the lease.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from sqlalchemy import and_, case, delete, func, insert, or_, select, tuple_, update

from offhook.codes import SessionStatus
from offhook.session.campaign import (
    STEPS,
    Campaign,
    CampaignCounts,
    CampaignOrder,
    CampaignState,
    NewTarget,
    Settled,
    Target,
    TargetState,
)
from offhook.session.ports.campaign_records import (
    EVERY_TARGET,
    CallingTarget,
    Campaigns,
    TargetCall,
    TargetFilter,
)
from offhook.store import schema
from offhook.store.documents import (
    decode_session,
    encode,
    from_micros,
    micros,
    optional_from_micros,
    optional_micros,
)
from offhook.store.rows import (
    EventRow,
    Row,
    SessionRow,
    event_documents,
    event_rows,
    session_row,
)
from offhook.store.search_terms import TermRow, first_terms
from offhook.store.statements import Statements

TOTAL, ATTEMPTS, DONE, OUTCOME = "total", "attempts", "done", "outcome:"
"""Names of counts; the last one is followed by an outcome."""
_UNDER_WAY = (SessionStatus.QUEUED.value, SessionStatus.RUNNING.value)
_PURGE_CHUNK = 2000
_PURGE_PAUSE = 0.02


class CallRows(NamedTuple):
    """What one number that is called now writes."""

    position: int
    attempts: int
    session: SessionRow
    events: list[EventRow]
    terms: list[TermRow]


class SettledRow(NamedTuple):
    """What follows the end of one attempt, as it is stored."""

    position: int
    session_id: str | None
    state: str
    outcome: str
    detail: str | None
    ended_at: int
    due_at: int | None
    undialled: int


class SqlCampaigns(Statements, Campaigns):
    """One row for each campaign, each number of its list, and each of its counts."""

    async def create_campaign(self, campaign: Campaign) -> None:
        values = {
            "campaign_id": campaign.campaign_id,
            "sub_account_id": campaign.sub_account_id,
            "state": campaign.state.value,
            "created_at": micros(campaign.created_at),
            "active": 0,
            "owner": None,
            "lease_until": 0,
            "document": encode(campaign),
        }
        await self._write(insert(schema.campaigns).values(values))

    async def campaign(self, sub_account_id: str, campaign_id: str) -> Campaign | None:
        t = schema.campaigns
        rows = await self._read(
            select(t.c.document).where(
                t.c.sub_account_id == sub_account_id, t.c.campaign_id == campaign_id
            )
        )
        return _campaign(rows[0]) if rows else None

    async def campaigns(
        self, sub_account_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[Campaign], str | None]:
        t = schema.campaigns
        query = select(t.c.created_at, t.c.campaign_id, t.c.document).where(
            t.c.sub_account_id == sub_account_id
        )
        rows, following = await self._page(query, t.c.created_at, t.c.campaign_id, cursor, limit)
        return [_campaign(row) for row in rows], following

    async def order_campaign(
        self, campaign: Campaign, order: CampaignOrder, now: datetime
    ) -> Campaign | None:
        before = campaign.state
        following = STEPS[order].get(before)
        if following is None:
            return None
        changed = obeyed(campaign, following, now)
        active = {} if following.final else {"active": 1}
        return changed if await self._step(changed, before, **active) else None

    async def _step(self, changed: Campaign, before: CampaignState, **values: int) -> bool:
        """Store a campaign's next state; False: it was no longer in the state ``before``."""
        t = schema.campaigns
        stored = (
            update(t)
            .where(t.c.campaign_id == changed.campaign_id, t.c.state == before.value)
            .values(state=changed.state.value, document=encode(changed), **values)
        )
        return await self._changed(stored, t.c.campaign_id)

    async def add_targets(self, campaign: Campaign, targets: Sequence[NewTarget]) -> int | None:
        rows = [(each.number, encode(each.parameters)) for each in targets]
        return await self._add_targets(campaign.campaign_id, rows, micros(campaign.created_at))

    async def campaign_counts(self, campaign_id: str) -> CampaignCounts:
        t, c = schema.campaign_targets, schema.campaign_counts
        rows = await self._read(select(c.c.name, c.c.count).where(c.c.campaign_id == campaign_id))
        counts = {row["name"]: row["count"] for row in rows}
        calling = await self._read(
            select(func.count().label("calling")).where(
                t.c.campaign_id == campaign_id, t.c.state == TargetState.CALLING.value
            )
        )
        return CampaignCounts(
            total=counts.get(TOTAL, 0),
            calling=calling[0]["calling"],
            done=counts.get(DONE, 0),
            attempts=counts.get(ATTEMPTS, 0),
            outcomes={
                name.removeprefix(OUTCOME): count
                for name, count in sorted(counts.items())
                if name.startswith(OUTCOME) and count
            },
        )

    async def targets(
        self,
        campaign_id: str,
        chosen: TargetFilter = EVERY_TARGET,
        *,
        after: int = 0,
        limit: int = 500,
    ) -> Sequence[Target]:
        t = schema.campaign_targets
        query = select(t).where(t.c.campaign_id == campaign_id, t.c.position > after)
        if chosen.state is not None:
            query = query.where(t.c.state == chosen.state.value)
        if chosen.outcome is not None:
            query = query.where(t.c.outcome == chosen.outcome)
        rows = await self._read(query.order_by(t.c.position).limit(limit))
        return [_target(row) for row in rows]

    # --- the side of the process that calls

    async def lease_campaigns(
        self, owner: str, now: datetime, *, lease: float
    ) -> Sequence[Campaign]:
        t = schema.campaigns
        free = or_(t.c.owner == owner, t.c.owner.is_(None), t.c.lease_until < micros(now))
        (rows,) = await self._write(
            update(t)
            .where(t.c.active == 1, free)
            .values(owner=owner, lease_until=micros(now + timedelta(seconds=lease)))
            .returning(t.c.document)
        )
        return [_campaign(row) for row in rows]

    async def release_campaigns(self, owner: str) -> None:
        t = schema.campaigns
        await self._write(update(t).where(t.c.owner == owner).values(owner=None, lease_until=0))

    async def due_targets(self, campaign_id: str, now: datetime, limit: int) -> Sequence[Target]:
        t = schema.campaign_targets
        query = select(t).where(
            t.c.campaign_id == campaign_id,
            t.c.state == TargetState.WAITING.value,
            t.c.due_at <= micros(now),
        )
        rows = await self._read(query.order_by(t.c.due_at, t.c.position).limit(limit))
        return [_target(row) for row in rows]

    async def calling_targets(self, campaign_id: str) -> Sequence[CallingTarget]:
        t, s = schema.campaign_targets, schema.sessions
        ended = case((s.c.status.notin_(_UNDER_WAY), s.c.document))
        query = (
            select(t, s.c.status.label("status"), ended.label("ended"))
            .select_from(t.join(s, s.c.session_id == t.c.session_id))
            .where(t.c.campaign_id == campaign_id, t.c.state == TargetState.CALLING.value)
        )
        return [
            CallingTarget(
                target=_target(row),
                waits=row["status"] == SessionStatus.QUEUED.value,
                ended=None if row["ended"] is None else decode_session(row["ended"]),
            )
            for row in await self._read(query)
        ]

    async def call_targets(
        self, owner: str, campaign: Campaign, calls: Sequence[TargetCall]
    ) -> frozenset[int]:
        rows = [_call_rows(call) for call in calls]
        return frozenset(await self._call_targets(owner, campaign.campaign_id, rows))

    async def settle_targets(
        self, owner: str, campaign: Campaign, ended: Sequence[Settled]
    ) -> None:
        if ended:
            rows = [_settled_row(each) for each in ended]
            await self._settle_targets(owner, campaign.campaign_id, rows)

    async def postpone_targets(
        self, owner: str, campaign: Campaign, positions: Sequence[int], until: datetime
    ) -> None:
        t, c = schema.campaign_targets, schema.campaigns
        held = select(c.c.campaign_id).where(
            c.c.campaign_id == campaign.campaign_id, c.c.owner == owner
        )
        await self._write(
            update(t)
            .where(
                t.c.campaign_id.in_(held),
                t.c.position.in_(positions),
                t.c.state == TargetState.WAITING.value,
            )
            .values(due_at=micros(until))
        )

    async def finish_campaign(self, owner: str, campaign: Campaign, now: datetime) -> bool:
        t, c = schema.campaign_targets, schema.campaigns
        canceled = campaign.state is CampaignState.CANCELED
        states = [TargetState.CALLING] if canceled else [TargetState.CALLING, TargetState.WAITING]
        left = select(t.c.position).where(
            t.c.campaign_id == campaign.campaign_id,
            t.c.state.in_([state.value for state in states]),
        )
        ended = campaign if canceled else obeyed(campaign, CampaignState.COMPLETED, now)
        finished = (
            update(c)
            .where(
                c.c.campaign_id == campaign.campaign_id,
                c.c.owner == owner,
                c.c.state == campaign.state.value,
                ~left.exists(),
            )
            .values(state=ended.state.value, document=encode(ended), active=0, owner=None)
        )
        return await self._changed(finished, c.c.campaign_id)

    # --- by hand for each dialect, each in a transaction

    @abstractmethod
    async def _add_targets(
        self, campaign_id: str, rows: Sequence[tuple[str, str]], due_at: int
    ) -> int | None:
        """Add (number, parameters) rows; None: the campaign has ended."""

    @abstractmethod
    async def _call_targets(
        self, owner: str, campaign_id: str, calls: Sequence[CallRows]
    ) -> Iterable[int]:
        """Queue sessions; the positions for which it was done."""

    @abstractmethod
    async def _settle_targets(
        self, owner: str, campaign_id: str, rows: Sequence[SettledRow]
    ) -> None:
        """Store what follows the ends of attempts."""

    async def _purge_campaigns(self, before: datetime) -> int:
        """Delete campaigns that were created before and have ended, with their lists."""
        t, c = schema.campaign_targets, schema.campaign_counts
        k = schema.campaigns
        old = and_(
            k.c.created_at < micros(before),
            k.c.active == 0,
            k.c.state.in_([state.value for state in CampaignState if state.final]),
        )
        gone = 0
        for row in await self._read(select(k.c.campaign_id).where(old)):
            id_ = row["campaign_id"]
            key = (t.c.campaign_id, t.c.position)
            chosen = select(*key).where(t.c.campaign_id == id_).limit(_PURGE_CHUNK)
            while True:
                chunk = delete(t).where(tuple_(*key).in_(chosen)).returning(t.c.position)
                count = len((await self._write(chunk))[0])
                gone += count
                if count < _PURGE_CHUNK:
                    break
                await asyncio.sleep(_PURGE_PAUSE)
            await self._write(
                delete(c).where(c.c.campaign_id == id_), delete(k).where(k.c.campaign_id == id_)
            )
        return gone


def obeyed(campaign: Campaign, state: CampaignState, now: datetime) -> Campaign:
    """The campaign in its next state, with the time of that step."""
    started = campaign.started_at
    if state is CampaignState.RUNNING and started is None:
        started = now
    return msgspec.structs.replace(
        campaign,
        state=state,
        started_at=started,
        ended_at=now if state.final else None,
    )


def counts_of(rows: Iterable[SettledRow]) -> dict[str, int]:
    """What the ends of attempts add to the counts."""
    added: dict[str, int] = {}
    for row in rows:
        if row.state == TargetState.DONE.value:
            for name in (DONE, OUTCOME + row.outcome):
                added[name] = added.get(name, 0) + 1
    return added


def _campaign(row: Row) -> Campaign:
    return msgspec.json.decode(row["document"], type=Campaign)


def _target(row: Row) -> Target:
    return Target(
        position=row["position"],
        number=row["number"],
        parameters=msgspec.json.decode(row["parameters"], type=dict[str, str]),
        state=TargetState(row["state"]),
        attempts=row["attempts"],
        undialled=row["undialled"],
        due_at=from_micros(row["due_at"]),
        session_id=row["session_id"],
        outcome=row["outcome"],
        detail=row["detail"],
        ended_at=optional_from_micros(row["ended_at"]),
    )


def _call_rows(call: TargetCall) -> CallRows:
    documents = event_documents(call.events)
    return CallRows(
        position=call.position,
        attempts=call.attempts,
        session=session_row(call.session, len(documents)),
        events=event_rows(call.session.session_id, documents),
        terms=first_terms(call.session),
    )


def _settled_row(ended: Settled) -> SettledRow:
    state = TargetState.DONE if ended.again_at is None else TargetState.WAITING
    return SettledRow(
        position=ended.position,
        session_id=ended.session_id,
        state=state.value,
        outcome=ended.outcome,
        detail=ended.detail,
        ended_at=micros(ended.ended_at),
        due_at=optional_micros(ended.again_at),
        undialled=ended.undialled,
    )
