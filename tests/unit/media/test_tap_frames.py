"""The frames of a tapped leg as octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.media.tap_frames import BadFrame, TapFrameKind, end_frame, ends_tap, frame, frames_of
from offhook.negotiated import Codec

SPOKEN = frame(TapFrameKind.RECEIVED, Codec.PCMA, 7, 2**32 - 1, 1.5, b"abc")


def test_frames_come_back_as_they_were_made() -> None:
    (one, last) = frames_of(SPOKEN + end_frame(2.0))
    assert one.kind is TapFrameKind.RECEIVED
    assert (one.codec, one.ssrc, one.timestamp) == (Codec.PCMA, 7, 2**32 - 1)
    assert (one.at, one.payload) == (1_500_000, b"abc")
    assert (last.kind, last.at, last.payload) == (TapFrameKind.END, 2_000_000, b"")


def test_the_layout_is_fixed_for_engines_in_other_languages() -> None:
    expected = "01 08 0300 07000000 ffffffff 60e3160000000000 616263"
    assert bytes.fromhex(expected.replace(" ", "")) == SPOKEN


def test_the_end_of_a_tap_is_seen_without_reading_the_frames() -> None:
    assert ends_tap(SPOKEN + end_frame(2.0))
    assert not ends_tap(SPOKEN)
    sounds_like_an_end = frame(TapFrameKind.RECEIVED, Codec.PCMU, 7, 0, 1.0, bytes(160))
    assert not ends_tap(sounds_like_an_end)
    assert not ends_tap(b"")


@given(st.binary(max_size=200))
def test_other_octets_are_refused_and_nothing_else_happens(octets: bytes) -> None:
    try:
        assert sum(20 + len(each.payload) for each in frames_of(octets)) == len(octets)
    except BadFrame:
        return


@pytest.mark.parametrize("cut", range(1, len(SPOKEN)))
def test_a_cut_frame_is_refused(cut: int) -> None:
    with pytest.raises(BadFrame):
        list(frames_of(SPOKEN[:cut]))
