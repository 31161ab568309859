"""Frames between the front and the workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.transports.relayed_stream import RelayFrame, RelayFrameKind, take_frames

FRAMES = st.builds(
    RelayFrame,
    kind=st.sampled_from(RelayFrameKind),
    listener=st.integers(0, 255),
    flow=st.integers(0, 2**32 - 1),
    host=st.from_regex(r"[0-9a-f:.]{0,40}", fullmatch=True),
    port=st.integers(0, 65_535),
    data=st.binary(max_size=60),
)


@given(st.lists(FRAMES, max_size=5), st.integers(1, 30))
def test_frames_come_out_as_they_went_in(frames: list[RelayFrame], piece: int) -> None:
    octets = b"".join(frame.packed() for frame in frames)
    buffer, found = bytearray(), []
    for at in range(0, len(octets), piece):
        buffer += octets[at : at + piece]
        found += list(take_frames(buffer))
    assert (found, buffer) == (frames, bytearray())
