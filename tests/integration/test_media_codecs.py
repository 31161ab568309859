"""G.722 and Opus in the native engine: what goes out, what comes in, and bridges to other codecs.

G.722 is compared with ffmpeg's, Opus with libopus called by itself.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest
from tests.integration.media_peer import Events, Peer, UnderTest, eventually, running_engine
from tests.support.wide_codecs import (
    LEVEL,
    RATE,
    Heard,
    OpusLibrary,
    Pcm,
    decode_g722,
    encode_g722,
    strongest,
    wide_tone,
)

from offhook.media import g711, rtcp, rtp
from offhook.media.engine import DigitReceived, DigitWay, MediaEngine, MediaLeg, PlaybackEnded
from offhook.media.native import _core
from offhook.media.native.native_leg import CODECS
from offhook.media.tap_frames import TapFrameKind, frames_of
from offhook.media.tones import digit_tone
from offhook.negotiated import LAWS, Codec, NegotiatedMedia

TYPES = {Codec.PCMU: 0, Codec.PCMA: 8, Codec.G722: 9, Codec.OPUS: 111}
WIDE = (Codec.G722, Codec.OPUS)
HERTZ = 1000.0
BOTH_WAYS = [
    (one, other) for one in Codec for other in Codec if one is not other and {one, other} != {*LAWS}
]


@pytest.fixture(autouse=True)
def _native(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnderTest, "kind", "native")


class Phone:
    """A telephone that speaks one codec."""

    def __init__(self, codec: Codec, *, events: bool = True) -> None:
        self.codec = codec
        self.scale = codec.clock_rate // 8_000
        self.peer, self.events = Peer(), Events()
        self.peer.payload_type = TYPES[codec]
        self._events = events

    def media(self, receive: Sequence[Codec] = ()) -> NegotiatedMedia:
        types = {TYPES[codec]: codec for codec in (*LAWS, self.codec, *receive)}
        media = msgspec.structs.replace(
            self.peer.media(codec=self.codec),
            receive_types=types,
            dtmf_clock_rate=self.codec.clock_rate,
        )
        if self._events:
            return media
        return msgspec.structs.replace(
            media, dtmf_payload_type=None, dtmf_receive_payload_type=None
        )

    def says(self, packets: Sequence[bytes]) -> None:
        """Send packets of 20 ms."""
        for packet in packets:
            self.peer.send(packet, step=160 * self.scale)

    async def hears(self, count: int) -> list[rtp.RtpPacket]:
        """Packets of audio, without telephone-event."""
        packets: list[rtp.RtpPacket] = []
        while len(packets) < count:
            packet = await self.peer.packet()
            if packet.payload_type == self.peer.payload_type:
                packets.append(packet)
        return packets


@asynccontextmanager
async def speaking(
    engine: MediaEngine, codec: Codec, *, events: bool = True
) -> AsyncIterator[tuple[MediaLeg, Phone]]:
    phone = Phone(codec, events=events)
    leg = engine.open_leg(phone.events)
    phone.peer.target = ("127.0.0.1", leg.local_port)
    leg.connect(phone.media())
    try:
        yield leg, phone
    finally:
        leg.close()
        phone.peer.close()


def encoded(codec: Codec, pcm: Pcm) -> list[bytes]:
    """Packets of 20 ms of a sound at 16,000 samples a second."""
    if codec is Codec.OPUS:
        library = OpusLibrary()
        packets = library.encode(pcm)
        library.close()
        return packets
    octets = encode_g722(pcm) if codec is Codec.G722 else g711.encode(codec, pcm[::2].tobytes())
    return [octets[at : at + 160] for at in range(0, len(octets) - 159, 160)]


def decoded(codec: Codec, packets: Sequence[bytes]) -> tuple[Pcm, int]:
    """The sound and its rate."""
    if codec is Codec.OPUS:
        library = OpusLibrary()
        pcm = library.decode(packets)
        library.close()
        return pcm, RATE
    if codec is Codec.G722:
        return decode_g722(b"".join(packets)), RATE
    return np.frombuffer(g711.decode(codec, b"".join(packets)), dtype="<i2"), 8_000


def judged(codec: Codec, packets: Sequence[rtp.RtpPacket]) -> Heard:
    """What a phone heard, but for the first tenth of a second."""
    pcm, rate = decoded(codec, [bytes(packet.payload) for packet in packets])
    return strongest(pcm[rate // 10 :], rate)


def on_the_clock(packets: Sequence[rtp.RtpPacket], phone: Phone) -> bool:
    """Each begins whole packets of 20 ms behind the one before; some are left out after a standstill."""
    steps = [b.timestamp - a.timestamp & 0xFFFFFFFF for a, b in itertools.pairwise(packets)]
    unit = 160 * phone.scale
    return statistics.mode(steps) == unit and all(step % unit == 0 for step in steps)


def is_the_tone(heard: Heard, hertz: float = HERTZ) -> bool:
    """Within 0.5 % in frequency and 1 dB in level, and nothing else to be heard."""
    return (
        abs(heard.hertz - hertz) < 0.005 * hertz
        and 0.89 < heard.level / LEVEL < 1.12
        and heard.purity > 0.98
    )


def prompt(hertz: float = HERTZ, seconds: float = 0.6) -> dict[Codec, bytes]:
    """A tone in both laws."""
    pcm = wide_tone(hertz, seconds, 8_000).tobytes()
    return {law: g711.encode(law, pcm) for law in LAWS}


@pytest.mark.parametrize("codec", WIDE)
async def test_a_prompt_in_g711_is_encoded_as_it_plays(codec: Codec) -> None:
    async with running_engine() as engine, speaking(engine, codec) as (leg, phone):
        leg.play(engine.load(prompt()))
        packets = await phone.hears(30)
        assert is_the_tone(judged(codec, packets))
        assert on_the_clock(packets, phone)
        numbers = [packet.sequence - packets[0].sequence for packet in packets]
        assert numbers == list(range(30))
        assert packets[0].marker
        await phone.events.wait(PlaybackEnded)


@pytest.mark.parametrize("ready", [False, True])
@pytest.mark.parametrize("milliseconds", [30, 60])
async def test_packets_of_g722_are_as_long_as_the_peer_wants_and_those_of_opus_of_20_ms(
    milliseconds: int, ready: bool
) -> None:
    octets = 8 * milliseconds
    async with running_engine() as engine:
        for codec in WIDE:
            sound = prompt()
            if ready:
                pcm = wide_tone(HERTZ, 0.6).tobytes()
                sound[codec] = _core.encode(CODECS[codec], RATE, pcm)
            async with speaking(engine, codec) as (leg, phone):
                leg.connect(msgspec.structs.replace(phone.media(), ptime=milliseconds))
                leg.play(engine.load(sound))
                step = 960 if codec is Codec.OPUS else octets
                packets = await phone.hears(20 if codec is Codec.OPUS else 4800 // octets)
                assert is_the_tone(judged(codec, packets[:-1]))
                steps = [b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)]
                assert {each & 0xFFFFFFFF for each in steps} == {step}
                if codec is Codec.G722:
                    assert {len(packet.payload) for packet in packets} == {octets}


@pytest.mark.parametrize("codec", WIDE)
async def test_a_prompt_that_is_ready_in_the_codec_keeps_its_whole_band(codec: Codec) -> None:
    high = wide_tone(6_000, 0.6)
    ready = _core.encode(CODECS[codec], RATE, high.tobytes())
    async with running_engine() as engine, speaking(engine, codec) as (leg, phone):
        sound = engine.load({**prompt(HERTZ, 0.6), codec: ready})
        leg.play(sound)
        # A tone of 6,000 Hz cannot come from the G.711, which has 1,000 Hz in it.
        assert abs(judged(codec, (await phone.hears(29))[4:]).hertz - 6_000) < 10
        leg.play(sound)
        leg.play(sound)
        packets = await phone.hears(60)
        assert abs(judged(codec, packets[34:59]).hertz - 6_000) < 10


@pytest.mark.parametrize("level", [30, 3_000])
def test_what_is_encoded_ahead_is_g722_bit_by_bit(level: int) -> None:
    noise = np.random.default_rng(1).normal(0, level, 2 * RATE).astype(np.int16)
    assert _core.encode(CODECS[Codec.G722], RATE, noise.tobytes()) == encode_g722(noise)


@pytest.mark.parametrize("codec", WIDE)
def test_sounds_that_cannot_be_encoded_are_refused(codec: Codec) -> None:
    for number, rate, pcm in (
        (CODECS[codec], 11_025, bytes(640)),
        (CODECS[codec], 16_000, bytes(641)),
        (CODECS[Codec.PCMU], 8_000, bytes(320)),
        (7, 16_000, bytes(640)),
        (-1, 16_000, bytes(640)),
    ):
        with pytest.raises(ValueError):
            _core.encode(number, rate, pcm)
    assert _core.encode(CODECS[codec], 16_000, b"") == b""


async def test_sounds_that_are_not_whole_are_refused() -> None:
    async with running_engine() as engine:
        octets = prompt()
        opus = _core.encode(CODECS[Codec.OPUS], RATE, wide_tone(HERTZ, 0.6).tobytes())
        engine.load({**octets, Codec.OPUS: opus})
        for codec, wrong in (
            (Codec.G722, bytes(4_799)),
            (Codec.OPUS, opus[:-1]),
            (Codec.OPUS, b""),
        ):
            with pytest.raises(ValueError):
                engine.load({**octets, codec: wrong})


async def test_where_there_is_no_packet_of_opus_the_g711_is_encoded() -> None:
    slots = [b"\0\0" + bytes(158), b"\xff\xff" + bytes(158), b"\0\x9f" + bytes(158)] * 10
    async with running_engine() as engine, speaking(engine, Codec.OPUS) as (leg, phone):
        leg.play(engine.load({**prompt(), Codec.OPUS: b"".join(slots)}))
        assert is_the_tone(judged(Codec.OPUS, await phone.hears(30)))


@pytest.mark.parametrize(("codec", "other"), BOTH_WAYS)
async def test_a_bridge_carries_a_tone_from_codec_to_codec(codec: Codec, other: Codec) -> None:
    async with (
        running_engine() as engine,
        speaking(engine, codec) as (leg, phone),
        speaking(engine, other) as (heard_by, listener),
    ):
        leg.relay(heard_by)
        phone.says(encoded(codec, wide_tone(HERTZ, 0.6)))
        packets = await listener.hears(30)
        assert is_the_tone(judged(other, packets))
        assert on_the_clock(packets, listener)


@pytest.mark.parametrize(("codec", "other"), [WIDE, WIDE[::-1]])
async def test_between_two_wide_codecs_the_whole_band_goes_through(
    codec: Codec, other: Codec
) -> None:
    async with (
        running_engine() as engine,
        speaking(engine, codec) as (leg, phone),
        speaking(engine, other) as (heard_by, listener),
    ):
        leg.relay(heard_by)
        phone.says(encoded(codec, wide_tone(6_000, 0.6)))
        assert abs(judged(other, await listener.hears(30)).hertz - 6_000) < 10


@pytest.mark.parametrize("codec", WIDE)
async def test_between_legs_of_one_codec_packets_go_through_as_they_are(codec: Codec) -> None:
    async with (
        running_engine() as engine,
        speaking(engine, codec) as (leg, phone),
        speaking(engine, codec) as (heard_by, listener),
    ):
        leg.relay(heard_by)
        said = encoded(codec, wide_tone(HERTZ, 0.2))
        phone.says(said)
        assert [packet.payload for packet in await listener.hears(len(said))] == said


@pytest.mark.parametrize("milliseconds", [10, 30, 40, 60])
async def test_packets_of_other_lengths_become_opus(milliseconds: int) -> None:
    async with (
        running_engine() as engine,
        speaking(engine, Codec.PCMU) as (leg, phone),
        speaking(engine, Codec.OPUS) as (heard_by, listener),
    ):
        leg.relay(heard_by)
        step = 8 * milliseconds
        octets = b"".join(encoded(Codec.PCMU, wide_tone(HERTZ, 0.6)))
        for at in range(0, len(octets) - step + 1, step):
            phone.peer.send(octets[at : at + step], step=step)
        await eventually(lambda: leg.statistics().packets_received == len(octets) // step)
        await eventually(lambda: heard_by.statistics().packets_sent >= 4_800 // max(step, 160))
        packets = await listener.hears(heard_by.statistics().packets_sent)
        pcm, rate = decoded(Codec.OPUS, [bytes(packet.payload) for packet in packets])
        assert abs(len(pcm) - len(octets) // step * step * 2) <= 320
        assert is_the_tone(strongest(pcm[rate // 10 :], rate))


@pytest.mark.parametrize("codec", WIDE)
async def test_keys_are_found_in_the_sound_of_a_phone_without_events(codec: Codec) -> None:
    async with running_engine() as engine, speaking(engine, codec, events=False) as (leg, phone):
        pcm = np.frombuffer(g711.decode(Codec.PCMU, digit_tone("7", 0.2)[Codec.PCMU]), dtype="<i2")
        phone.says(encoded(codec, np.repeat(pcm, 2)))
        (digit,) = await phone.events.wait(DigitReceived)
        assert (digit.digit, digit.way) == ("7", DigitWay.TONE)
        assert leg.statistics().packets_received > 0


async def test_events_beside_opus_have_its_clock() -> None:
    async with (
        running_engine() as engine,
        speaking(engine, Codec.OPUS) as (leg, phone),
        speaking(engine, Codec.PCMU) as (other, plain),
    ):
        leg.relay(other)
        other.relay(leg)
        phone.says(encoded(Codec.OPUS, wide_tone(HERTZ, 0.1)))
        for flags, duration in ((0x0A, 960), (0x0A, 1920), (0x8A, 4800), (0x8A, 4800)):
            phone.peer.timestamp = 700_000
            payload = bytes((5, flags)) + duration.to_bytes(2, "big")
            phone.peer.send(payload, payload_type=96, step=0)
        (digit,) = await phone.events.wait(DigitReceived)
        assert (digit.digit, digit.way) == ("5", DigitWay.EVENT)
        relayed = [await plain.peer.packet() for _ in range(9)]
        durations = [int.from_bytes(p.payload[2:], "big") for p in relayed if p.payload_type == 101]
        assert durations == [160, 320, 800, 800]
        leg.send_digit("9", 0.1)
        told = [await phone.peer.packet() for _ in range(7)]
        assert {packet.payload_type for packet in told} == {101}
        assert [int.from_bytes(p.payload[2:], "big") for p in told][-1] == 4800
        assert len({packet.timestamp for packet in told}) == 1


@pytest.mark.parametrize("codec", WIDE)
async def test_a_tap_has_what_both_sides_said_in_g711(codec: Codec) -> None:
    async with running_engine() as engine, speaking(engine, codec) as (leg, phone):
        leg.start_tap()
        leg.play(engine.load(prompt(400)))
        phone.says(encoded(codec, wide_tone(HERTZ, 0.6)))
        await phone.events.wait(PlaybackEnded)
        await eventually(lambda: leg.statistics().packets_received == 30)
        frames = list(frames_of(leg.take_frames()))
        for kind, hertz in ((TapFrameKind.RECEIVED, HERTZ), (TapFrameKind.SENT, 400)):
            mine = [frame for frame in frames if frame.kind is kind]
            assert {frame.codec for frame in mine} == {Codec.PCMU}
            pcm, rate = decoded(Codec.PCMU, [frame.payload for frame in mine])
            assert is_the_tone(strongest(pcm[rate // 10 :], rate), hertz)
            stamps = [frame.timestamp for frame in mine]
            steps = [b - a & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)]
            assert statistics.mode(steps) == 160
            assert all(step % 160 == 0 for step in steps)


async def test_a_change_of_the_clock_is_a_change_of_the_stream() -> None:
    async with running_engine() as engine, speaking(engine, Codec.PCMU) as (leg, phone):
        leg.play(engine.load(prompt(HERTZ, 2.0)))
        before = await phone.peer.packet()
        changed = Phone(Codec.OPUS)
        changed.peer.close()
        changed.peer = phone.peer
        changed.peer.payload_type = 111
        leg.connect(changed.media())
        packets = await changed.hears(20)
        assert packets[0].ssrc != before.ssrc
        assert packets[0].marker
        assert is_the_tone(judged(Codec.OPUS, packets))


@pytest.mark.parametrize("codec", WIDE)
async def test_jitter_and_reports_count_in_the_codecs_clock(codec: Codec) -> None:
    async with (
        running_engine(report_interval=0.2) as engine,
        speaking(engine, codec) as (leg, phone),
    ):
        leg.keep_sending()
        packets = await phone.hears(5)
        first, second = await sender_report(phone), await sender_report(phone)
        ntp = (second.ntp - first.ntp) / (1 << 32)
        units = second.rtp_timestamp - first.rtp_timestamp & 0xFFFFFFFF
        assert abs(units / ntp - codec.clock_rate) < 0.01 * codec.clock_rate
        block = rtcp.ReportBlock(
            packets[0].ssrc, 0, 0, packets[-1].sequence, codec.clock_rate, 0, 0
        )
        told = rtcp.build([rtcp.ReceiverReport(9, (block,)), rtcp.SourceDescription(9, "somebody")])
        phone.peer.rtcp.sendto(told, ("127.0.0.1", leg.local_port + 1))
        await eventually(lambda: leg.statistics().remote_jitter == 1.0)


async def sender_report(phone: Phone) -> rtcp.SenderReport:
    while True:
        for packet in rtcp.parse(await phone.peer.report()) or ():
            if isinstance(packet, rtcp.SenderReport):
                return packet


async def test_garbage_in_every_codec_does_no_harm() -> None:
    async with (
        running_engine() as engine,
        speaking(engine, Codec.OPUS) as (leg, phone),
        speaking(engine, Codec.PCMA) as (other, listener),
    ):
        leg.connect(phone.media(receive=(Codec.G722,)))
        leg.relay(other)
        leg.start_tap()
        for at, payload in enumerate(
            (b"", b"\xff", bytes(1500), b"\xfb\xff" * 300, bytes(range(160)))
        ):
            for payload_type in (9, 111):
                phone.peer.send(payload, payload_type=payload_type, step=160 * (at + 1))
        phone.says(encoded(Codec.OPUS, wide_tone(HERTZ, 0.6)))
        await eventually(lambda: leg.statistics().packets_received >= 30)
        packets = await listener.hears(25)
        assert judged(Codec.PCMA, packets[-20:]).purity > 0.9
