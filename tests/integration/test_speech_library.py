"""Files of the media library as a session plays them, decoded by the real confined decoder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from tests.support.telephone import tone_wav

from offhook.codes import RuntimeCode
from offhook.net.http_client import HttpClient
from offhook.session.ports.media_library import MediaFile
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.speech import PromptError
from offhook.speech.service import SpeechService
from offhook.store.memory import MemoryStore

NOW = datetime(2026, 7, 3, tzinfo=UTC)


@pytest.fixture
def library() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def service(library: MemoryStore) -> AsyncIterator[SpeechService]:
    client = HttpClient(allow_private=True)
    service = SpeechService.embedded(client, processes=1, library=library)
    yield service
    await service.close()
    await client.close()


async def put(library: MemoryStore, name: str, content: bytes, digest: str) -> None:
    file = MediaFile(sub_account_id="acme", name=name, size=len(content), digest=digest, at=NOW)
    await library.put_media(file, content, most=9, octets=10**9)


async def test_a_file_is_played_and_a_replaced_one_is_played_anew(
    library: MemoryStore, service: SpeechService
) -> None:
    await put(library, "jingle", tone_wav(1.0), "one")
    first = await service.fetch("offhook:jingle", owner="acme")
    assert round(first.duration, 2) == 1.0
    assert await service.fetch("offhook:jingle", owner="acme") is first
    await put(library, "jingle", tone_wav(0.5), "two")
    assert round((await service.fetch("offhook:jingle", owner="acme")).duration, 2) == 0.5


async def test_what_is_missing_anothers_or_hostile_is_a_failed_download(
    library: MemoryStore, service: SpeechService
) -> None:
    await put(library, "jingle", tone_wav(0.2), "one")
    await put(library, "hostile", b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(200), "two")
    for name, owner in (("none", "acme"), ("jingle", "other"), ("hostile", "acme")):
        with pytest.raises(PromptError) as raised:
            await service.fetch(f"offhook:{name}", owner=owner)
        assert raised.value.code is RuntimeCode.DOWNLOAD_FAILED


async def test_a_database_that_is_away_is_a_failed_download(
    library: MemoryStore, service: SpeechService
) -> None:
    library.failure = StoreUnavailable("gone")
    with pytest.raises(PromptError) as raised:
        await service.fetch("offhook:jingle", owner="acme")
    assert raised.value.code is RuntimeCode.DOWNLOAD_FAILED
