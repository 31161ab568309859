"""Request bodies, bounded before and after inflation."""

from __future__ import annotations

import gzip
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from offhook.http.edge import body as body_module
from offhook.http.edge.body import BodyTooLarge, ClientGone, Undecodable, inflate, read_body

LARGEST = 256 * 1024
LIMIT = 1000


def pieces(*parts: bytes, gone: bool = False) -> Callable[[], Awaitable[dict[str, Any]]]:
    """An ASGI ``receive`` that hands out ``parts``."""
    messages: list[dict[str, Any]] = [
        {
            "type": "http.request",
            "body": part,
            "more_body": gone or position < len(parts) - 1,
        }
        for position, part in enumerate(parts)
    ]
    if gone:
        messages.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return receive


async def read(
    receive: Callable[[], Awaitable[dict[str, Any]]],
    *,
    length: bytes | None = None,
    coding: bytes | None = None,
) -> bytes:
    return await read_body(receive, limit=LIMIT, content_length=length, coding=coding)


async def test_a_body_in_pieces_is_joined() -> None:
    assert await read(pieces(b"a", b"b", b"c")) == b"abc"


async def test_a_body_of_exactly_the_limit_passes() -> None:
    assert await read(pieces(b"x" * LIMIT)) == b"x" * LIMIT


@pytest.mark.parametrize("parts", [(b"x" * (LIMIT + 1),), (b"x" * LIMIT, b"y")])
async def test_one_byte_more_does_not(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(BodyTooLarge):
        await read(pieces(*parts))


async def test_a_declared_length_over_the_limit_is_refused_before_anything_is_read() -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("read although the length was over the limit")

    with pytest.raises(BodyTooLarge):
        await read(receive, length=b"1001")


async def test_a_body_that_goes_on_after_its_limit_is_read_no_further() -> None:
    taken = 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * 400, "more_body": taken < 100}

    with pytest.raises(BodyTooLarge):
        await read(receive)
    assert taken == 3


async def test_a_client_that_goes_away_is_no_short_body() -> None:
    with pytest.raises(ClientGone):
        await read(pieces(b"{", gone=True))


@pytest.mark.parametrize("coding", [b"gzip", b"x-gzip", b"GZIP"])
async def test_gzip_is_inflated(coding: bytes) -> None:
    assert await read(pieces(gzip.compress(b"hello", mtime=0)), coding=coding) == b"hello"


@pytest.mark.parametrize("coding", [None, b"", b"identity"])
async def test_an_uncoded_body_stays_as_it_is(coding: bytes | None) -> None:
    assert await read(pieces(b"hello"), coding=coding) == b"hello"


@pytest.mark.parametrize("coding", [b"br", b"deflate", b"gzip, gzip"])
async def test_other_codings_are_not_guessed_at(coding: bytes) -> None:
    with pytest.raises(Undecodable):
        await read(pieces(b"hello"), coding=coding)


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"0" * 1_000_000)
    assert len(bomb) <= 1100
    with pytest.raises(BodyTooLarge):
        inflate(bomb, LIMIT)


def test_a_bomb_of_many_members_stops_at_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        inflate(gzip.compress(b"0" * 400) * 3, LIMIT)


def test_members_follow_one_another() -> None:
    assert inflate(gzip.compress(b"ab", mtime=0) + gzip.compress(b"cd", mtime=0), LIMIT) == b"abcd"


def test_exactly_the_limit_may_come_out() -> None:
    assert inflate(gzip.compress(b"0" * LIMIT), LIMIT) == b"0" * LIMIT


@pytest.mark.parametrize(
    "damaged",
    [
        b"{}",
        gzip.compress(b"hello", mtime=0)[:-4],
        gzip.compress(b"hello", mtime=0) + b"tail",
        b"\x1f\x8b",
    ],
)
def test_damaged_data_is_refused(damaged: bytes) -> None:
    with pytest.raises(Undecodable):
        inflate(damaged, LIMIT)


async def test_a_body_of_thousands_of_empty_members_is_refused() -> None:
    empty = gzip.compress(b"", mtime=0)
    body = empty * (LARGEST // len(empty))
    with pytest.raises(Undecodable):
        await read_body(pieces(body), limit=LARGEST, content_length=None, coding=b"gzip")


async def test_a_larger_body_is_inflated_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    inflated_in: list[int] = []

    def noting(data: bytes, limit: int) -> bytes:
        inflated_in.append(threading.get_ident())
        return inflate(data, limit)

    monkeypatch.setattr(body_module, "inflate", noting)
    noise = random.Random(1).randbytes(body_module.INFLATED_AT_ONCE)
    for body in (b"small", noise):
        packed = gzip.compress(body, mtime=0)
        got = await read_body(pieces(packed), limit=LARGEST, content_length=None, coding=b"gzip")
        assert got == body
    here = threading.get_ident()
    assert [thread == here for thread in inflated_in] == [True, False]
