"""Virtual numbers in a database: assignments, what customers were told, test calls, duties."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Executable, delete, insert, or_, select, update

from offhook.session.number_states import NumberFacts, NumberTest
from offhook.session.ports.number_records import Numbers, NumberState, Told
from offhook.session.tenancy import VirtualNumber
from offhook.store import schema
from offhook.store.documents import encode, from_micros, micros
from offhook.store.rows import Row, outbox_row
from offhook.store.statements import Statements

_s = schema.number_states


class SqlNumbers(Statements, Numbers):
    """Keeps assignments and facts as JSON documents, times in columns."""

    async def assign_number(self, sub_account_id: str, number: VirtualNumber) -> None:
        values = {
            "msisdn": number.msisdn,
            "sub_account_id": sub_account_id,
            "document": encode(number),
        }
        await self._write(self._upsert(schema.numbers, ["msisdn"], values), self._next_version())

    async def withdraw_number(self, sub_account_id: str, msisdn: str) -> bool:
        t = schema.numbers
        gone = delete(t).where(t.c.msisdn == msisdn, t.c.sub_account_id == sub_account_id)
        return await self._tenancy_changed(gone, t.c.msisdn)

    async def assigned_numbers(self) -> Sequence[tuple[str, VirtualNumber]]:
        t = schema.numbers
        rows = await self._read(select(t.c.sub_account_id, t.c.document).order_by(t.c.msisdn))
        return [
            (row["sub_account_id"], msgspec.json.decode(row["document"], type=VirtualNumber))
            for row in rows
        ]

    async def take_duty(self, name: str, owner: str, now: datetime, *, lease: float) -> bool:
        t = schema.duties
        until = micros(now + timedelta(seconds=lease))
        first = {"name": name, "owner": owner, "lease_until": 0}
        _, taken = await self._write(
            self._upsert(t, ["name"], first, {"name": name}),
            update(t)
            .where(t.c.name == name, or_(t.c.owner == owner, t.c.lease_until <= micros(now)))
            .values(owner=owner, lease_until=until)
            .returning(t.c.name),
        )
        return bool(taken)

    async def number_states(self, sub_account_id: str | None = None) -> Sequence[NumberState]:
        query = select(_s).order_by(_s.c.sub_account_id, _s.c.msisdn)
        if sub_account_id is not None:
            query = query.where(_s.c.sub_account_id == sub_account_id)
        return [_state(row) for row in await self._read(query)]

    async def number_receivers(self) -> Sequence[tuple[str, str]]:
        t = schema.number_receivers
        rows = await self._read(select(t.c.sub_account_id, t.c.receiver))
        return [(row["sub_account_id"], row["receiver"]) for row in rows]

    async def tell_numbers(self, told: Told) -> None:
        r = schema.number_receivers
        owner = told.sub_account_id
        mark = (
            delete(r).where(r.c.sub_account_id == owner)
            if told.receiver is None
            else self._upsert(
                r, ["sub_account_id"], {"sub_account_id": owner, "receiver": told.receiver}
            )
        )
        await self._write(
            *(self._put_state(state) for state in told.put),
            *(
                delete(_s).where(_s.c.sub_account_id == owner, _s.c.msisdn == msisdn)
                for msisdn in told.gone
            ),
            mark,
            *(insert(schema.outbox).values(outbox_row(each)._asdict()) for each in told.outbox),
        )

    def _put_state(self, state: NumberState) -> Executable:
        changes = {"updated_at": micros(state.updated_at), "facts": encode(state.facts)}
        key = {"sub_account_id": state.sub_account_id, "msisdn": state.msisdn}
        first = {**key, "created_at": micros(state.created_at), **changes}
        return self._upsert(_s, list(key), first, changes)

    async def begin_test(self, sub_account_id: str, msisdn: str, now: datetime) -> None:
        await self._write(
            update(_s)
            .where(_s.c.sub_account_id == sub_account_id, _s.c.msisdn == msisdn)
            .values(test_begun_at=micros(now), test_arrived_at=None)
        )

    async def test_arrived(self, msisdn: str, since: datetime, now: datetime) -> bool:
        begun = _s.c.test_begun_at
        arrived = (
            update(_s)
            .where(
                _s.c.msisdn == msisdn,
                begun >= micros(since),
                or_(_s.c.tested_at.is_(None), _s.c.tested_at < begun),
            )
            .values(test_arrived_at=micros(now))
        )
        return await self._changed(arrived, _s.c.msisdn)

    async def end_test(
        self, sub_account_id: str, msisdn: str, now: datetime, *, detail: str
    ) -> NumberTest | None:
        (rows,) = await self._write(
            update(_s)
            .where(_s.c.sub_account_id == sub_account_id, _s.c.msisdn == msisdn)
            .values(tested_at=micros(now), test_detail=detail)
            .returning(_s)
        )
        return _state(rows[0]).test if rows else None


def _state(row: Row) -> NumberState:
    test = None
    if row["tested_at"] is not None:
        reached = row["test_arrived_at"] is not None
        test = NumberTest(
            at=from_micros(row["tested_at"]),
            reached=reached,
            detail=None if reached else row["test_detail"],
        )
    return NumberState(
        sub_account_id=row["sub_account_id"],
        facts=msgspec.json.decode(row["facts"], type=NumberFacts),
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
        test=test,
    )
