"""Customers' audio files in a database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, func, select

from offhook.session.ports.media_library import MediaFile, MediaLibrary
from offhook.store import schema
from offhook.store.documents import from_micros, micros
from offhook.store.rows import Row
from offhook.store.statements import Statements

_KNOWN = ("sub_account_id", "name", "size", "digest", "at")


class SqlMedia(Statements, MediaLibrary):
    """One row for each file, with its content."""

    async def put_media(self, file: MediaFile, content: bytes, *, most: int, octets: int) -> bool:
        t = schema.media
        others = select(
            func.count().label("files"), func.coalesce(func.sum(t.c.size), 0).label("octets")
        ).where(t.c.sub_account_id == file.sub_account_id, t.c.name != file.name)
        (held,) = await self._read(others)
        if held["files"] >= most or held["octets"] + file.size > octets:
            return False
        values = {
            "sub_account_id": file.sub_account_id,
            "name": file.name,
            "size": file.size,
            "digest": file.digest,
            "at": micros(file.at),
            "content": content,
        }
        await self._write(self._upsert(t, ["sub_account_id", "name"], values))
        return True

    async def media_file(self, sub_account_id: str, name: str) -> MediaFile | None:
        t = schema.media
        query = select(*(t.c[column] for column in _KNOWN)).where(
            t.c.sub_account_id == sub_account_id, t.c.name == name
        )
        rows = await self._read(query)
        return _file(rows[0]) if rows else None

    async def media_files(self, sub_account_id: str) -> Sequence[MediaFile]:
        t = schema.media
        query = select(*(t.c[column] for column in _KNOWN)).where(
            t.c.sub_account_id == sub_account_id
        )
        return [_file(row) for row in await self._read(query.order_by(t.c.name))]

    async def media_content(self, sub_account_id: str, name: str) -> bytes | None:
        t = schema.media
        query = select(t.c.content).where(t.c.sub_account_id == sub_account_id, t.c.name == name)
        rows = await self._read(query)
        return bytes(rows[0]["content"]) if rows else None

    async def delete_media(self, sub_account_id: str, name: str) -> bool:
        t = schema.media
        gone = delete(t).where(t.c.sub_account_id == sub_account_id, t.c.name == name)
        return await self._changed(gone, t.c.name)


def _file(row: Row) -> MediaFile:
    return MediaFile(
        sub_account_id=row["sub_account_id"],
        name=row["name"],
        size=row["size"],
        digest=row["digest"],
        at=from_micros(row["at"]),
    )
