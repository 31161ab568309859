"""One leg's offers and answers: what the media engine is told, and whose packets it may take."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import cast

import pytest
from tests.support.virtual import in_virtual_time

from offhook.media.engine import MediaLeg, MediaSources
from offhook.negotiated import Codec, NegotiatedMedia
from offhook.telephony.leg_media import DescriptionOrigin, LegMedia
from offhook.telephony.trunks import Trunk

TRUNK = Trunk(
    name="carrier",
    transport="udp",
    host="198.51.100.1",
    port=5060,
    inbound_from=(ip_network("198.51.100.0/28"),),
    media_from=(ip_network("203.0.113.0/24"),),
)


NOWHERE = DescriptionOrigin()


def sdp(host: str, formats: str = "0 101", *attributes: str) -> bytes:
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio 4000 RTP/AVP {formats}",
        *attributes,
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


class Connections:
    """The media leg's side: remembers what it was connected to."""

    local_port = 20000

    def __init__(self) -> None:
        self.made: list[tuple[NegotiatedMedia, MediaSources]] = []

    def connect(self, media: NegotiatedMedia, sources: MediaSources) -> None:
        self.made.append((media, sources))


class Call:
    """A leg's media with everything it reported."""

    def __init__(self, names: dict[str, str] | None = None, trunk: Trunk | None = TRUNK) -> None:
        self.names = names or {}
        self.engine = Connections()
        self.media = LegMedia(cast(MediaLeg, self.engine), "192.0.2.1", self._look_up, trunk)
        self.answers: list[bytes] = []
        self.settled = 0
        self.refusals: list[str] = []

    async def _look_up(self, host: str) -> str | None:
        await asyncio.sleep(0)
        return self.names.get(host)

    def offered(self, body: bytes, origin: DescriptionOrigin = NOWHERE) -> None:
        self.media.answer(body, origin, self.answers.append, self.refusals.append)

    def answered(self, body: bytes, origin: DescriptionOrigin = NOWHERE) -> None:
        self.media.take_answer(body, origin, self._done, self.refusals.append)

    def _done(self) -> None:
        self.settled += 1

    @property
    def sources(self) -> MediaSources:
        return self.engine.made[-1][1]


@pytest.mark.parametrize(
    ("signalled", "origin", "hosts"),
    [
        ("8.8.8.8", DescriptionOrigin("198.51.100.1", "10.0.0.5"), set()),
        ("10.0.0.5", DescriptionOrigin("9.9.9.9"), {"9.9.9.9"}),
        (
            "10.0.0.5",
            DescriptionOrigin("198.51.100.1", "9.9.9.9"),
            {"198.51.100.1", "9.9.9.9"},
        ),
        ("10.0.0.5", DescriptionOrigin("7.7.7.7", "9.9.9.9"), {"7.7.7.7"}),
        ("100.64.0.9", DescriptionOrigin("9.9.9.9"), {"9.9.9.9"}),
    ],
    ids=[
        "a public address stands for itself",
        "a private one also for the SIP source",
        "below a proxy that is the trunk's: the Via below it",
        "below any other proxy: not",
        "an address of a carrier's NAT",
    ],
)
def test_the_hosts_besides_the_signalled_one(
    signalled: str, origin: DescriptionOrigin, hosts: set[str]
) -> None:
    call = Call()
    call.offered(sdp(signalled), origin)
    assert call.sources.hosts == hosts
    assert call.sources.networks == TRUNK.media_from


def test_the_version_grows_with_our_own_description_only() -> None:
    call, other = Call(), Call()
    origins = []
    for formats in ("0 101", "0 101", "8 0 101", "8 101", "8 101"):
        call.offered(sdp("8.8.8.8", formats))
        origins.append(call.answers[-1].split(b"\r\n")[1].split()[1:3])
    assert [version for _, version in origins] == [b"1", b"1", b"1", b"2", b"2"]
    assert len({number for number, _ in origins}) == 1
    assert b" 1 IN IP4 " in other.media.offer().split(b"\r\n")[1]


def test_a_reoffer_that_lists_the_codec_in_use_keeps_it() -> None:
    call = Call()
    call.media.offer()
    call.answered(sdp("8.8.8.8", "0 8 101"))
    call.offered(sdp("8.8.8.8", "8 0 101"))
    assert [media.codec for media, _ in call.engine.made] == [Codec.PCMU, Codec.PCMU]
    call.offered(sdp("8.8.8.8", "8 101"))
    assert call.media.codec is Codec.PCMA
    assert b"m=audio 20000 RTP/AVP 8 0 101" in call.media.offer()


def test_our_later_offers_keep_the_number_of_telephone_event() -> None:
    call = Call()
    call.offered(sdp("8.8.8.8", "0 96", "a=rtpmap:96 telephone-event/8000"))
    assert b"m=audio 20000 RTP/AVP 0 8 96" in call.media.offer()


def test_a_refused_offer_leaves_everything_as_it_was() -> None:
    call = Call()
    call.offered(sdp("8.8.8.8"))
    before = call.media.settled
    call.offered(sdp("224.0.0.1"))
    call.offered(sdp("8.8.8.8", "18"))
    assert len(call.refusals) == 2
    assert call.media.settled is before
    assert len(call.engine.made) == 1


def test_an_answer_without_anything_we_speak_is_refused() -> None:
    call = Call()
    call.media.offer()
    call.answered(sdp("8.8.8.8", "18"))
    assert len(call.refusals) == 1
    assert (call.settled, call.media.settled, call.engine.made) == (0, None, [])


@in_virtual_time
async def test_a_host_name_is_looked_up_before_anything_is_answered() -> None:
    call = Call({"media.example.org": "9.9.9.9"})
    call.offered(sdp("media.example.org"))
    assert call.answers == []
    await asyncio.sleep(0.01)
    assert len(call.answers) == 1
    assert call.engine.made[-1][0].remote_host == "9.9.9.9"
    call.offered(sdp("nowhere.example.org"))
    await asyncio.sleep(0.01)
    assert call.refusals == ["the connection address nowhere.example.org cannot be looked up"]
    settled = call.media.settled
    assert settled is not None
    assert settled.remote_host == "9.9.9.9"


def test_a_dropped_source_is_named_with_the_setting_that_would_take_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    call = Call()
    call.offered(sdp("8.8.8.8"))
    call.media.refused_source("c1", "198.51.100.99")
    assert 'set media_from = ["198.51.100.99"] in [[trunks]] "carrier"' in caplog.text
