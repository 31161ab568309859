"""The quality of a call: the E-model of ITU-T G.107 (06/2015) on what RTP and RTCP measured. Pure.

All parameters that are not measured have the default values of G.107 table 3, so that the best rating
is R = 93.2 and the best MOS 4.4.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import msgspec

from offhook.media.engine import LegStatistics
from offhook.negotiated import Codec

PACKET_TIME: Final = 0.020
"""Seconds of audio in a packet."""
BUFFER_TIME: Final = 0.060
"""Seconds a packet may be late before it counts as lost."""

# Defaults of G.107 table 3; dB, dBm0p, dBmp, dB(A).
_SLR: Final = 8.0
_RLR: Final = 2.0
_STMR: Final = 15.0
_LSTR: Final = 18.0
_DS: Final = 3.0
_TELR: Final = 65.0
_WEPL: Final = 110.0
_QDU: Final = 1.0
_NC: Final = -70.0
_NFOR: Final = -64.0
_PS: Final = 35.0
_PR: Final = 35.0
_BURST_RATIO: Final = 1.0
_ADVANTAGE: Final = 0.0
_MT: Final = 100.0
"""ms of delay that is not noticed (for the default delay sensitivity)."""


class CodecImpairment(NamedTuple):
    """What a codec does to speech (ITU-T G.113 appendix I)."""

    equipment: float
    """Ie."""
    robustness: float
    """Bpl: the percentage of packet loss that causes half of the greatest possible impairment."""


CODECS: Final = {
    Codec.PCMU: CodecImpairment(0.0, 25.1),
    Codec.PCMA: CodecImpairment(0.0, 25.1),
    Codec.G722: CodecImpairment(0.0, 25.1),
    Codec.OPUS: CodecImpairment(0.0, 25.1),
}
"""With packet loss concealment. G.722 and Opus count as G.711: this model ends at telephone sound."""


class LegQuality(msgspec.Struct, frozen=True, kw_only=True):
    """The worse of a leg's two directions."""

    mos: float
    """One decimal, 1.0..4.4."""
    packet_loss_rate: float
    """0..1, late packets included."""
    jitter: int
    """Whole milliseconds."""


def _power_sum(*levels: float) -> float:
    """Levels in dB added as powers."""
    return 10 * math.log10(sum(10 ** (level / 10) for level in levels))


def _root(base: float, power: float) -> float:
    """``(1 + base^power)^(1/power)``, the smooth corner of many G.107 curves."""
    return float((1 + base**power) ** (1 / power))


def _noise() -> float:
    """No: circuit, room and subscriber line noise at the 0 dBr point (G.107 §7.2)."""
    olr = _SLR + _RLR
    send_room = _PS - _SLR - _DS - 100 + 0.004 * (_PS - olr - _DS - 14) ** 2
    pre = _PR + 10 * math.log10(1 + 10 ** ((10 - _LSTR) / 10))
    receive_room = _RLR - 121 + pre + 0.008 * (pre - 35) ** 2
    return _power_sum(_NC, send_room, receive_room, _NFOR + _RLR)


_NO: Final = _noise()
_RO: Final = 15 - 1.5 * (_SLR + _NO)
"""Basic signal-to-noise ratio (G.107 §7.2)."""


def _simultaneous(delay: float) -> float:
    """Is: loudness, side tone and quantisation (G.107 §7.3); ``delay`` in ms."""
    x_olr = _SLR + _RLR + 0.2 * (64 + _NO - _RLR)
    loudness = 20 * (_root(x_olr / 8, 8) - x_olr / 8)
    stmr = -_power_sum(-_STMR, -_TELR - delay / 4 * 10 * math.log10(math.e))
    sidetone = (
        12 * _root((stmr - 13) / 6, 8)
        - 28 * _root((stmr + 1) / 19.4, 35)
        - 13 * _root((stmr - 3) / 33, 13)
        + 29
    )
    q = 37 - 15 * math.log10(_QDU)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    y = (_RO - 100) / 15 + 46 / 8.4 - g / 9
    z = 46 / 30 - g / 40
    return loudness + sidetone + 15 * math.log10(1 + 10**y + 10**z)


def _delayed(delay: float) -> float:
    """Id: talker echo, listener echo and delay itself (G.107 §7.4); ``delay`` in ms, one way."""
    terv = (
        _TELR
        - 40 * math.log10((1 + delay / 10) / (1 + delay / 150))
        + 6 * math.exp(-0.3 * delay**2)
    )
    talker: float = (-1.5 * (_NO - _RLR) - (80 + 2.5 * (terv - 14))) / 2
    talker_echo = (talker + math.sqrt(talker**2 + 100) - 1) * (1 - math.exp(-delay))
    listener: float = (_RO - 10.5 * (_WEPL + 7) * (2 * delay + 1) ** -0.25) / 2
    listener_echo = listener + math.sqrt(listener**2 + 169)
    pure = 0.0
    if delay > _MT:
        x = math.log2(delay / _MT)
        pure = 25 * (_root(x, 6) - 3 * _root(x / 3, 6) + 2)
    return talker_echo + listener_echo + pure


def rating(*, loss: float, delay: float, codec: Codec = Codec.PCMU) -> float:
    """The transmission rating R (G.107 §7.1): 93.2 at best, may be below 0.

    ``loss`` is 0..1 and random, ``delay`` the one-way delay in seconds.
    """
    impairment = CODECS[codec]
    percent = 100 * min(1.0, max(0.0, loss))
    effective = impairment.equipment + (95 - impairment.equipment) * percent / (
        percent / _BURST_RATIO + impairment.robustness
    )
    milliseconds = 1000 * max(0.0, delay)
    return _RO - _simultaneous(milliseconds) - _delayed(milliseconds) - effective + _ADVANTAGE


def mean_opinion(r: float) -> float:
    """The MOS of a rating, 1..4.5 (G.107 annex B)."""
    if r <= 0:
        return 1.0
    if r >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


def since(before: LegStatistics | None, now: LegStatistics) -> LegStatistics:
    """What has arrived after ``before`` (None: from the beginning); without the far end's reports, which are
    about the whole call."""
    if before is None:
        return msgspec.structs.replace(now, remote_fraction_lost=None)
    return msgspec.structs.replace(
        now,
        packets_expected=max(0, now.packets_expected - before.packets_expected),
        packets_lost=max(0, now.packets_lost - before.packets_lost),
        packets_late=max(0, now.packets_late - before.packets_late),
        remote_fraction_lost=None,
    )


def assess(statistics: LegStatistics, codec: Codec) -> LegQuality | None:
    """The quality of the worse direction; None when neither could be measured.

    Ours from what arrived, the other from the far end's reports (``spec/execution.md``).
    """
    delay = (statistics.round_trip or 0.0) / 2 + PACKET_TIME + BUFFER_TIME
    directions: list[tuple[float, float]] = []
    if statistics.packets_expected > 0:
        missed = statistics.packets_lost + statistics.packets_late
        directions.append((min(1.0, missed / statistics.packets_expected), statistics.jitter))
    if statistics.remote_fraction_lost is not None:
        directions.append((statistics.remote_fraction_lost, statistics.remote_jitter or 0.0))
    if not directions:
        return None
    loss, jitter = max(directions)
    return LegQuality(
        mos=round(mean_opinion(rating(loss=loss, delay=delay, codec=codec)), 1),
        packet_loss_rate=round(loss, 4),
        jitter=round(1000 * jitter),
    )
