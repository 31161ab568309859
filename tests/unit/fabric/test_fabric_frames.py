"""The frames of the local fabric: whatever way the bytes arrive, and what is no frame."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.fabric.frames import MAX_MESSAGE, Decoder, Frame, FrameError, FrameKind, encode

FRAMES = st.builds(
    Frame,
    st.sampled_from(FrameKind),
    st.text("abcxyz.*0_-", max_size=40),
    st.binary(max_size=200),
)


@given(st.lists(FRAMES, max_size=8), st.integers(1, 50))
def test_frames_arrive_whole_however_the_bytes_are_cut(frames: list[Frame], piece: int) -> None:
    data = b"".join(map(encode, frames))
    decoder = Decoder()
    arrived = [
        frame
        for start in range(0, len(data), piece)
        for frame in decoder.feed(data[start : start + piece])
    ]
    assert arrived == frames


def test_the_bytes_of_a_frame() -> None:
    frame = Frame(FrameKind.PUBLISH, "queue", b"\xff")
    assert encode(frame) == b"\x00\x00\x00\x08\x01\x05queue\xff"


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">IBB", MAX_MESSAGE + 1000, 1, 0),
        struct.pack(">IBB", 1, 1, 0),
        struct.pack(">IBB", 4, 1, 9) + b"ab",
        struct.pack(">IBB", 2, 99, 0),
        struct.pack(">IBB", 3, 1, 1) + b"\xff",
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_what_is_no_frame(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(Decoder().feed(data))


def test_frames_before_a_bad_one_count() -> None:
    good = Frame(FrameKind.PING)
    frames = Decoder().feed(encode(good) + b"\xff" * 10)
    assert next(frames) == good
    with pytest.raises(FrameError):
        next(frames)


def test_the_largest_message() -> None:
    frame = Frame(FrameKind.PUBLISH, "a", bytes(MAX_MESSAGE))
    assert list(Decoder().feed(encode(frame))) == [frame]
    with pytest.raises(ValueError, match="message of"):
        encode(frame._replace(message=bytes(MAX_MESSAGE + 1)))
