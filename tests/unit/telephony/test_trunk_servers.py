"""Of several servers behind a trunk, the one that failed comes last for a minute."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from offhook.clock import Clock
from offhook.config import TrunkPlace
from offhook.sip import Address
from offhook.telephony import trunk_servers
from offhook.telephony.transports.locator import Locator
from offhook.telephony.trunk_servers import TrunkServers
from offhook.telephony.trunks import Trunk

FIRST, SECOND, THIRD = (Address("udp", f"192.0.2.{number}", 5060) for number in (1, 2, 3))
TRUNK = Trunk(name="t", transport="udp", host="carrier.example", port=5060)


class Steps(Clock):
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds


class Names:
    """Stands for the name service, which knows the trunk's servers."""

    def __init__(self) -> None:
        self.cached = True

    def known(self, _place: TrunkPlace) -> tuple[Address, ...] | None:
        return (FIRST, SECOND, THIRD) if self.cached else None

    async def find(self, _place: TrunkPlace) -> tuple[Address, ...]:
        return FIRST, SECOND, THIRD


def made() -> tuple[TrunkServers, Steps, Names]:
    names, clock = Names(), Steps()
    return TrunkServers(cast(Locator, names), clock), clock, names


def test_a_server_that_failed_comes_last_for_a_minute_and_then_in_its_place() -> None:
    servers, clock, _ = made()
    servers.failed(FIRST)
    clock.seconds += 59.9
    assert servers.known(TRUNK) == [SECOND, THIRD, FIRST]
    clock.seconds += 0.1
    assert servers.known(TRUNK) == [FIRST, SECOND, THIRD]


def test_a_server_that_fails_again_is_left_for_a_minute_from_then_on() -> None:
    servers, clock, _ = made()
    servers.failed(FIRST)
    clock.seconds += 50
    servers.failed(FIRST)
    clock.seconds += 50
    assert servers.known(TRUNK) == [SECOND, THIRD, FIRST]


def test_when_all_have_failed_they_are_tried_in_their_order() -> None:
    servers, _, _ = made()
    for server in (THIRD, FIRST, SECOND):
        servers.failed(server)
    assert servers.known(TRUNK) == [FIRST, SECOND, THIRD]


async def test_servers_that_must_be_looked_up_come_in_the_same_order() -> None:
    servers, _, names = made()
    names.cached = False
    servers.failed(FIRST)
    assert servers.known(TRUNK) is None
    assert await servers.find(TRUNK) == [SECOND, THIRD, FIRST]


def test_so_many_that_failed_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_servers, "MOST_AVOIDED", 2)
    servers, _, _ = made()
    servers.failed(THIRD)
    servers.failed(FIRST)
    assert servers.known(TRUNK) == [SECOND, FIRST, THIRD]
    servers.failed(SECOND)
    assert servers.known(TRUNK) == [FIRST, THIRD, SECOND], "the older two are forgotten"
