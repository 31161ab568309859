"""Customers' audio files in memory."""

from __future__ import annotations

from collections.abc import Sequence

from offhook.session.ports.media_library import MediaFile, MediaLibrary
from offhook.store.memory.memory_records import MemoryPart


class MemoryMedia(MemoryPart, MediaLibrary):
    """A dictionary by sub-account and name."""

    async def put_media(self, file: MediaFile, content: bytes, *, most: int, octets: int) -> bool:
        key = file.sub_account_id, file.name
        others = [
            each
            for each, _ in self._data.media.values()
            if each.sub_account_id == file.sub_account_id and each.name != file.name
        ]
        if len(others) >= most or sum(each.size for each in others) + file.size > octets:
            return False
        self._data.media[key] = file, content
        return True

    async def media_file(self, sub_account_id: str, name: str) -> MediaFile | None:
        found = self._data.media.get((sub_account_id, name))
        return found[0] if found is not None else None

    async def media_files(self, sub_account_id: str) -> Sequence[MediaFile]:
        own = (
            file for file, _ in self._data.media.values() if file.sub_account_id == sub_account_id
        )
        return sorted(own, key=lambda each: each.name)

    async def media_content(self, sub_account_id: str, name: str) -> bytes | None:
        found = self._data.media.get((sub_account_id, name))
        return found[1] if found is not None else None

    async def delete_media(self, sub_account_id: str, name: str) -> bool:
        return self._data.media.pop((sub_account_id, name), None) is not None
