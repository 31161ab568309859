"""An answer's head that needs no mending is passed on as it came, and means what it means octet by octet."""

from __future__ import annotations

import pytest

from offhook.net.heads import AnswerFilter
from offhook.net.outgoing_errors import UnreadableAnswer

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\ncontent-length: 2\r\n\r\n"


def whole(data: bytes) -> tuple[bytes, bool]:
    answer = AnswerFilter()
    return answer.feed(data), answer.surplus


def octet_by_octet(data: bytes) -> tuple[bytes, bool]:
    answer = AnswerFilter()
    return b"".join(answer.feed(data[at : at + 1]) for at in range(len(data))), answer.surplus


def fields(seen: bytes) -> tuple[bytes, list[bytes], bytes]:
    head, _, body = seen.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, sorted(line.lower().replace(b" ", b"") for line in lines), body


@pytest.mark.parametrize(
    "data",
    [
        PLAIN + b"hi",
        PLAIN + b"hi and more",
        PLAIN,
        PLAIN.replace(b"200 OK", b"503 "),
        PLAIN.replace(b"200 OK", b"204 No Content"),
        PLAIN.replace(b"200 OK", b"101 Switching"),
        PLAIN.replace(b"Type", b"Type ") + b"hi",
        PLAIN.replace(b"length: 2", b"length:2") + b"hi",
        PLAIN.replace(b"length: 2", b"length: 2, 2") + b"hi",
        PLAIN.replace(b"content-length: 2", b"x-content-length: 2") + b"hi",
        PLAIN.replace(b"content-length: 2", b"Transfer-Encoding: chunked")
        + b"2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN + b"hi",
        b"\r\n" + PLAIN + b"hi",
        b"ICY 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    ],
)
def test_the_parser_sees_the_same(data: bytes) -> None:
    at_once, left_over = whole(data)
    slowly, left_over_slowly = octet_by_octet(data)
    assert fields(at_once) == fields(slowly)
    assert left_over is left_over_slowly


@pytest.mark.parametrize(
    "further", [b"Content-Length: 3", b"Transfer-Encoding: chunked", b"content-length: x"]
)
def test_an_ambiguous_length_stays_an_error(further: bytes) -> None:
    data = PLAIN.removesuffix(b"\r\n") + further + b"\r\n\r\nhi"
    with pytest.raises(UnreadableAnswer):
        whole(data)


def test_a_plain_head_is_not_rewritten() -> None:
    assert whole(PLAIN + b"hi") == (PLAIN + b"hi", False)
