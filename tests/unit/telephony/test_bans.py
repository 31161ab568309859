"""What an address must do to be banned, and for how long."""

from __future__ import annotations

import pytest

from offhook.telephony.bans import (
    BAN_TIME,
    LONGEST_BAN,
    POINTS,
    WEARS_OFF,
    Bans,
    Blame,
    is_scanner,
)

HOST = "203.0.113.66"


def times_until_banned(bans: Bans, blame: Blame) -> int:
    """How often it must happen, once a second."""
    for count in range(1, 1000):
        if bans.blame(HOST, blame, 1000.0 + count) is not None:
            return count
    return 0


@pytest.mark.parametrize(
    ("blame", "times"),
    [
        (Blame.SCANNER, 1),
        (Blame.FOREIGN_NUMBER, 5),
        (Blame.WRONG_CREDENTIALS, 10),
        (Blame.UNKNOWN_ADDRESS, 10),
        (Blame.UNANSWERED_CHALLENGE, 48),
    ],
)
def test_each_wrong_thing_has_its_limit(blame: Blame, times: int) -> None:
    assert times_until_banned(Bans(), blame) == times


def test_a_ban_ends_and_the_next_one_is_twice_as_long_up_to_a_day() -> None:
    bans, now, lengths = Bans(), 1000.0, []
    for _ in range(10):
        seconds = bans.blame(HOST, Blame.SCANNER, now)
        assert seconds is not None
        lengths.append(seconds)
        assert bans.banned(HOST, now + seconds - 0.1)
        assert not bans.banned(HOST, now + seconds)
        now += seconds
    assert lengths[:3] == [BAN_TIME, 2 * BAN_TIME, 4 * BAN_TIME]
    assert lengths[-1] == LONGEST_BAN


def test_points_wear_off_slowly() -> None:
    bans, now = Bans(), 1000.0
    every = POINTS[Blame.WRONG_CREDENTIALS] / WEARS_OFF
    for count in range(100):
        assert bans.blame(HOST, Blame.WRONG_CREDENTIALS, now + count * every) is None


def test_right_credentials_clear_the_points() -> None:
    bans = Bans()
    for _ in range(40):
        for _ in range(9):
            assert bans.blame(HOST, Blame.WRONG_CREDENTIALS, 1000.0) is None
        bans.forgive(HOST)


def test_an_ipv6_network_of_64_bits_counts_as_one_address() -> None:
    bans = Bans()
    for last in range(10):
        bans.blame(f"2001:db8::{last:x}", Blame.WRONG_CREDENTIALS, 1000.0)
    assert bans.banned("2001:db8::ffff", 1000.0)
    assert not bans.banned("2001:db8:0:1::1", 1000.0)


def test_what_is_remembered_is_bounded() -> None:
    bans = Bans(remembered=50)
    for number in range(200):
        bans.blame(f"203.0.113.{number}", Blame.WRONG_CREDENTIALS, 1000.0)
    assert len(bans) == 50


def test_who_did_nothing_for_longest_is_forgotten_first() -> None:
    bans = Bans(remembered=2)
    for host, blame in (
        ("192.0.2.1", Blame.SCANNER),
        ("192.0.2.2", Blame.SCANNER),
        ("192.0.2.1", Blame.WRONG_CREDENTIALS),
        ("192.0.2.3", Blame.WRONG_CREDENTIALS),
    ):
        bans.blame(host, blame, 1000.0)
    assert bans.banned("192.0.2.1", 1001.0)
    assert not bans.banned("192.0.2.2", 1001.0)


def test_ipv4_addresses_over_an_ipv6_socket_are_told_apart() -> None:
    bans = Bans()
    bans.blame("::ffff:192.0.2.1", Blame.SCANNER, 1000.0)
    assert bans.banned("::ffff:192.0.2.1", 1000.0)
    assert not bans.banned("::ffff:192.0.2.2", 1000.0)


@pytest.mark.parametrize("name", ["friendly-scanner", "sipvicious/0.3", "SIPCLI 1.8", "sundayddr"])
def test_scanners_are_known_by_their_names(name: str) -> None:
    assert is_scanner(name)


@pytest.mark.parametrize(
    "name", ["", "baresip v1.1", "Linphone/3.12", "Yealink T46", "sipp", "Zoiper"]
)
def test_phones_are_no_scanners(name: str) -> None:
    assert not is_scanner(name)


def test_the_limit_is_reached_by_points_of_several_kinds() -> None:
    bans = Bans()
    assert bans.blame(HOST, Blame.FOREIGN_NUMBER, 1000.0) is None
    for _ in range(7):
        assert bans.blame(HOST, Blame.WRONG_CREDENTIALS, 1000.0) is None
    assert bans.blame(HOST, Blame.WRONG_CREDENTIALS, 1000.0) == BAN_TIME
