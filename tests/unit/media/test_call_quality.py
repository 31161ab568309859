"""The E-model against published values and an independent reading of its equations."""

from __future__ import annotations

from math import exp, log10, sqrt

import pytest

from offhook.media import quality
from offhook.media.engine import LegStatistics
from offhook.negotiated import Codec


def statistics(**changes: object) -> LegStatistics:
    values: dict[str, object] = {
        "packets_sent": 1000,
        "octets_sent": 160000,
        "packets_received": 1000,
        "packets_expected": 1000,
        "packets_lost": 0,
        "packets_late": 0,
        "jitter": 0.0,
        "remote_fraction_lost": None,
        "remote_jitter": None,
        "round_trip": None,
    }
    return LegStatistics(**(values | changes))  # type: ignore[arg-type]


def test_the_default_rating_is_that_of_the_recommendation() -> None:
    assert quality.rating(loss=0, delay=0) == pytest.approx(93.2062, abs=1e-4)


@pytest.mark.parametrize(
    ("r", "mos"),
    # G.107 annex B, table B.1.
    [
        (90, 4.34),
        (80, 4.03),
        (70, 3.60),
        (60, 3.10),
        (50, 2.58),
        (0, 1),
        (-5, 1),
        (100, 4.5),
        (3, 1),
    ],
)
def test_ratings_become_opinions(r: float, mos: float) -> None:
    assert quality.mean_opinion(r) == pytest.approx(mos, abs=0.007)


@pytest.mark.parametrize("percent", [0.0, 0.5, 1, 2, 3, 5, 10, 20, 100])
def test_loss_costs_what_g711_with_concealment_makes_of_it(percent: float) -> None:
    # Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl/BurstR + Bpl) with Ie 0, BurstR 1, Bpl 25.1.
    cost = quality.rating(loss=0, delay=0) - quality.rating(loss=percent / 100, delay=0)
    assert cost == pytest.approx(95 * percent / (percent + 25.1))


def plain_e_model(t: float) -> float:
    """R without loss, written down equation by equation; names and numbers of G.107 (06/2015)."""
    slr, rlr, stmr, lstr, ds, telr, wepl = 8, 2, 15, 18, 3, 65, 110
    nc, nfor, ps, pr, qdu, ta, tr = -70, -64, 35, 35, 1, t, 2 * t
    olr = slr + rlr
    nfo = nfor + rlr
    pre = pr + 10 * log10(1 + 10 ** ((10 - lstr) / 10))
    nor = rlr - 121 + pre + 0.008 * (pre - 35) ** 2
    nos = ps - slr - ds - 100 + 0.004 * (ps - olr - ds - 14) ** 2
    no = 10 * log10(10 ** (nc / 10) + 10 ** (nos / 10) + 10 ** (nor / 10) + 10 ** (nfo / 10))
    ro = 15 - 1.5 * (slr + no)
    xolr = olr + 0.2 * (64 + no - rlr)
    iolr = 20 * ((1 + (xolr / 8) ** 8) ** (1 / 8) - xolr / 8)
    stmro = -10 * log10(10 ** (-stmr / 10) + exp(-t / 4) * 10 ** (-telr / 10))
    ist = (
        12 * (1 + ((stmro - 13) / 6) ** 8) ** (1 / 8)
        - 28 * (1 + ((stmro + 1) / 19.4) ** 35) ** (1 / 35)
        - 13 * (1 + ((stmro - 3) / 33) ** 13) ** (1 / 13)
        + 29
    )
    q = 37 - 15 * log10(qdu)
    g = 1.07 + 0.258 * q + 0.0602 * q**2
    iq = 15 * log10(1 + 10 ** ((ro - 100) / 15 + 46 / 8.4 - g / 9) + 10 ** (46 / 30 - g / 40))
    terv = telr - 40 * log10((1 + t / 10) / (1 + t / 150)) + 6 * exp(-0.3 * t**2)
    roe, re = -1.5 * (no - rlr), 80 + 2.5 * (terv - 14)
    idte = ((roe - re) / 2 + sqrt((roe - re) ** 2 / 4 + 100) - 1) * (1 - exp(-t))
    rle = 10.5 * (wepl + 7) * (tr + 1) ** (-0.25)
    idle = (ro - rle) / 2 + sqrt((ro - rle) ** 2 / 4 + 169)
    x = log10(ta / 100) / log10(2) if ta > 100 else 0
    idd = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    return float(ro - (iolr + ist + iq) - (idte + idle + idd))


@pytest.mark.parametrize("milliseconds", [0, 20, 80, 100, 101, 150, 200, 400, 1000])
def test_delay_costs_what_the_equations_say(milliseconds: int) -> None:
    rating = quality.rating(loss=0, delay=milliseconds / 1000)
    assert rating == pytest.approx(plain_e_model(milliseconds), abs=1e-9)


def test_the_rating_only_falls_with_delay() -> None:
    ratings = [quality.rating(loss=0, delay=ms / 1000) for ms in range(0, 1000, 10)]
    assert ratings == sorted(ratings, reverse=True)


def test_a_clean_call_reaches_4_4() -> None:
    assert quality.assess(statistics(), Codec.PCMU) == quality.LegQuality(
        mos=4.4, packet_loss_rate=0.0, jitter=0
    )


def test_late_packets_are_lost_packets() -> None:
    judged = quality.assess(statistics(packets_lost=10, packets_late=15, jitter=0.0123), Codec.PCMA)
    assert judged is not None
    assert judged.packet_loss_rate == 0.025
    assert judged.jitter == 12
    expected = quality.mean_opinion(quality.rating(loss=0.025, delay=0.08))
    assert judged.mos == round(expected, 1)


def test_the_worse_direction_is_reported() -> None:
    judged = quality.assess(
        statistics(packets_lost=10, jitter=0.03, remote_fraction_lost=0.10, remote_jitter=0.002),
        Codec.PCMU,
    )
    assert judged is not None
    assert (judged.packet_loss_rate, judged.jitter) == (0.1, 2)


def test_half_the_round_trip_counts_as_delay() -> None:
    near, far = (
        quality.assess(statistics(round_trip=seconds), Codec.PCMU) for seconds in (0.0, 0.8)
    )
    assert near is not None
    assert far is not None
    assert far.mos < near.mos - 0.8
    # Half of 0.8 s, a packet and the buffer.
    expected = quality.mean_opinion(quality.rating(loss=0, delay=0.4 + 0.08))
    assert far.mos == round(expected, 1)
    whole = quality.mean_opinion(quality.rating(loss=0, delay=0.8 + 0.08))
    assert far.mos != round(whole, 1)


def test_only_the_far_end_reports() -> None:
    judged = quality.assess(
        statistics(packets_received=0, packets_expected=0, remote_fraction_lost=0.02), Codec.PCMU
    )
    assert judged is not None
    assert judged.packet_loss_rate == 0.02


def test_without_media_there_is_nothing_to_judge() -> None:
    assert quality.assess(statistics(packets_received=0, packets_expected=0), Codec.PCMU) is None


def test_what_came_lately_is_judged_without_what_came_before() -> None:
    before = statistics(packets_expected=500, packets_lost=0, packets_late=0)
    now = statistics(
        packets_expected=1000, packets_lost=25, packets_late=0, remote_fraction_lost=0.5
    )
    lately = quality.assess(quality.since(before, now), Codec.PCMU)
    whole = quality.assess(quality.since(None, now), Codec.PCMU)
    assert lately is not None
    assert whole is not None
    assert (lately.packet_loss_rate, whole.packet_loss_rate) == (0.05, 0.025)
    assert lately.mos < whole.mos
    assert quality.assess(quality.since(now, now), Codec.PCMU) is None
