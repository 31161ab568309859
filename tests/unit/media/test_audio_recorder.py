"""Recordings in true time."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from offhook.media import g711
from offhook.media.audio_recorder import AudioRecorder
from offhook.negotiated import Codec

START = 1000.0


class Tape:
    """Collects what a recorder writes, as G.711 octets again."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.largest = 0
        self.recorder = AudioRecorder(self._write, START)

    def _write(self, samples: bytes) -> None:
        self.pcm += samples
        self.largest = max(self.largest, len(samples))

    @property
    def octets(self) -> bytes:
        return g711.encode(Codec.PCMU, bytes(self.pcm))

    def packet(
        self, number: int, *, delay: float = 0.0, timestamp: int | None = None, ssrc: int = 1
    ) -> None:
        """Packet ``number`` of a steady stream, every octet of it ``number``."""
        stamp = 4_294_960_000 + 160 * number if timestamp is None else timestamp
        arrival = START + 0.02 * number + delay
        self.recorder.packet(Codec.PCMU, ssrc, stamp & 0xFFFFFFFF, bytes([number]) * 160, arrival)

    def heard(self) -> list[int | None]:
        """The octet of each 20 ms, None for silence."""
        octets = self.octets
        return [None if octets[i] == 0xFF else octets[i] for i in range(0, len(octets), 160)]


def test_a_steady_stream_is_written_as_it_comes() -> None:
    tape = Tape()
    for number in range(5):
        tape.packet(number)
        assert len(tape.octets) == 160 * (number + 1)
    assert tape.heard() == [0, 1, 2, 3, 4]


def test_a_gap_is_silence_of_its_length() -> None:
    tape = Tape()
    for number in (0, 1, 4, 5):
        tape.packet(number)
    tape.recorder.finish(START + 0.12)
    assert tape.heard() == [0, 1, None, None, 4, 5]


def test_an_overtaken_packet_finds_its_place() -> None:
    tape = Tape()
    for number, delay in ((0, 0.0), (2, 0.0), (1, 0.03), (3, 0.0)):
        tape.packet(number, delay=delay)
    assert tape.heard() == [0, 1, 2, 3]


def test_jitter_does_not_tear_the_audio() -> None:
    tape = Tape()
    for number in range(50):
        tape.packet(number, delay=0.03 if number % 3 else 0.0)
    assert tape.heard() == list(range(50))


def test_silence_before_the_first_packet_and_after_the_last_counts() -> None:
    tape = Tape()
    tape.packet(3)
    tape.recorder.finish(START + 0.16)
    assert tape.heard() == [None, None, None, 3, None, None, None, None]


def test_time_goes_on_while_nothing_comes() -> None:
    tape = Tape()
    tape.recorder.advance(START + 1.06)
    assert len(tape.octets) == 8000
    tape.recorder.finish(START + 1.06)
    assert len(tape.octets) == 8480


def test_a_sender_whose_clock_stands_in_pauses_is_placed_by_arrival() -> None:
    tape = Tape()
    tape.packet(0)
    tape.packet(100, timestamp=4_294_960_000 + 160)
    tape.recorder.finish(START + 2.02)
    heard = tape.heard()
    assert (heard[0], heard[100]) == (0, 100)
    assert set(heard[1:100]) == {None}


def test_a_new_source_is_placed_by_arrival() -> None:
    tape = Tape()
    tape.packet(0)
    tape.packet(5, timestamp=4_294_960_000 + 160, ssrc=2)
    tape.recorder.finish(START + 0.12)
    assert tape.heard() == [0, None, None, None, None, 5]


def test_a_long_pause_is_written_in_pieces() -> None:
    tape = Tape()
    tape.recorder.finish(START + 100)
    assert len(tape.pcm) == 100 * 16000
    assert tape.largest <= 16000


def test_the_codec_may_change() -> None:
    tape = Tape()
    tape.recorder.packet(Codec.PCMA, 1, 0, b"\xaa", START)
    assert bytes(tape.pcm) == struct.pack("<h", 32256)


@given(
    st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 0.1), st.integers(0, 400)), max_size=60
    )
)
def test_no_timestamps_stretch_time(packets: list[tuple[int, float, int]]) -> None:
    tape = Tape()
    now = START
    received = 0
    for timestamp, wait, length in packets:
        now += wait
        received += length
        tape.recorder.packet(Codec.PCMU, 1, timestamp, bytes(length), now)
    tape.recorder.finish(now)
    elapsed = int((now - START) * 8000)
    assert elapsed <= len(tape.pcm) // 2 <= elapsed + 1600 + received
