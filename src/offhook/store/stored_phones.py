"""Registered phones in a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from offhook.session.ports.phone_bindings import FirstCall, PhoneBinding, Phones
from offhook.store import schema
from offhook.store.documents import from_micros, micros
from offhook.store.statements import Statements

_DECODER = msgspec.json.Decoder(PhoneBinding)
MOST_FIRST_CALLS = 1000


class SqlPhones(Statements, Phones):
    """One row for each phone, and for each country of a sub-account."""

    async def put_phones(
        self, user: str, put: Sequence[PhoneBinding], drop: Sequence[str], now: datetime
    ) -> None:
        t = schema.phones
        gone = delete(t).where(t.c.expires_at <= micros(now))
        dropped = delete(t).where(t.c.user_name == user, t.c.contact.in_(drop))
        rows = [
            self._upsert(
                t,
                ["user_name", "contact"],
                {
                    "user_name": user,
                    "contact": phone.contact,
                    "registered_at": micros(phone.registered_at),
                    "expires_at": micros(phone.expires_at),
                    "document": msgspec.json.encode(phone).decode(),
                },
            )
            for phone in put
        ]
        await self._write(gone, *([dropped] if drop else []), *rows)

    async def phones(self, now: datetime) -> Sequence[PhoneBinding]:
        t = schema.phones
        query = select(t.c.document).where(t.c.expires_at > micros(now))
        order = (t.c.user_name, t.c.registered_at.desc(), t.c.contact.desc())
        return [
            _DECODER.decode(row["document"]) for row in await self._read(query.order_by(*order))
        ]

    async def put_first_call(self, call: FirstCall) -> bool:
        t = schema.first_calls
        insert = sqlite.insert if self._dialect.name == "sqlite" else postgresql.insert
        put = insert(t).values(
            sub_account_id=call.sub_account_id,
            country=call.country,
            at=micros(call.at),
            session_id=call.session_id,
        )
        return await self._changed(put.on_conflict_do_nothing(), t.c.country)

    async def first_calls(self, since: datetime) -> Sequence[FirstCall]:
        t = schema.first_calls
        query = select(t).where(t.c.at > micros(since))
        order = (t.c.at, t.c.sub_account_id, t.c.country)
        rows = await self._read(query.order_by(*order).limit(MOST_FIRST_CALLS))
        return [
            FirstCall(
                sub_account_id=row["sub_account_id"],
                country=row["country"],
                at=from_micros(row["at"]),
                session_id=row["session_id"],
            )
            for row in rows
        ]
