"""Names of SIP peers while the name service answers, and while it does not."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import pytest

from offhook.sip import Address
from offhook.telephony.transports import resolver
from offhook.telephony.transports.resolver import LIFETIME, Resolver

PEER = Address("udp", "sip.example", 5060)


class Service:
    """The name service of the system, and what came of the datagrams."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[str | OSError] = []
        self.sent: list[bytes] = []
        self.failed: list[str] = []
        self.resolver = Resolver(
            socket.AF_INET,
            lambda data, _: self.sent.append(data),
            lambda _, problem: self.failed.append(problem),
        )
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self._look_up)

    async def _look_up(self, *_: Any, **__: Any) -> list[Any]:
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (answer, 0))]

    async def send(self, data: bytes) -> None:
        self.resolver.wait(data, PEER)
        await asyncio.gather(*self.resolver._lookups.values())


async def test_datagrams_wait_for_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    service.answers = ["192.0.2.7"]
    await service.send(b"INVITE")
    assert (service.sent, service.failed) == ([b"INVITE"], [])
    assert service.resolver.address_of("sip.example") == "192.0.2.7"


async def test_a_name_that_was_never_found_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    service.answers = [socket.gaierror(socket.EAI_NONAME, "Name or service not known")]
    await service.send(b"INVITE")
    assert service.sent == []
    assert len(service.failed) == 1
    assert service.failed[0].startswith("cannot look up sip.example")


async def test_the_last_address_stays_valid_while_the_service_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(monkeypatch)
    service.answers = ["192.0.2.7", socket.gaierror(socket.EAI_AGAIN, "try again")]
    await service.send(b"INVITE")
    later = time.monotonic() + LIFETIME + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert service.resolver.address_of("sip.example") is None
    await service.send(b"BYE")
    assert (service.sent, service.failed) == ([b"INVITE", b"BYE"], [])


async def test_a_name_is_asked_again_when_its_time_is_over_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(monkeypatch)
    service.answers = ["192.0.2.7"]
    at = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: at)
    await service.send(b"INVITE")
    monkeypatch.setattr(time, "monotonic", lambda: at + 59.9)
    assert service.resolver.address_of("sip.example") == "192.0.2.7"
    monkeypatch.setattr(time, "monotonic", lambda: at + 60.0)
    assert service.resolver.address_of("sip.example") is None


async def test_datagrams_that_were_sent_or_failed_wait_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(monkeypatch)
    gone = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    service.answers = [gone, "192.0.2.7"]
    await service.send(b"lost")
    await service.send(b"INVITE")
    assert service.sent == [b"INVITE"]


async def test_only_so_many_datagrams_wait_for_names(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    service.answers = ["192.0.2.7", "192.0.2.7"]
    for number in range(1001):
        service.resolver.wait(b"%d" % number, PEER)
    await asyncio.gather(*service.resolver._lookups.values())
    assert service.sent == [b"%d" % number for number in range(1000)]
    await service.send(b"later")
    assert service.sent[-1] == b"later", "there is room again"


async def test_only_so_many_names_are_asked_at_once_and_each_answer_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(monkeypatch)
    monkeypatch.setattr(resolver, "MAX_ASKING", 1)
    service.answers = ["192.0.2.7", "192.0.2.8"]
    first = asyncio.ensure_future(service.resolver.resolve("a.example"))
    await asyncio.sleep(0)
    assert await service.resolver.resolve("b.example") is None
    assert await first == "192.0.2.7"
    assert await service.resolver.resolve("b.example") == "192.0.2.8"
    assert await service.resolver.resolve("a.example") == "192.0.2.7", "it is remembered"


async def test_only_so_many_names_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(monkeypatch)
    monkeypatch.setattr(resolver, "MAX_KNOWN", 2)
    service.answers = ["192.0.2.7", "192.0.2.8", "192.0.2.9"]
    for name in ("a.example", "b.example"):
        await service.resolver.resolve(name)
    known = [service.resolver.address_of(name) for name in ("a.example", "b.example")]
    assert known == ["192.0.2.7", "192.0.2.8"]
    await service.resolver.resolve("c.example")
    assert service.resolver.address_of("a.example") is None
    assert service.resolver.address_of("c.example") == "192.0.2.9"
