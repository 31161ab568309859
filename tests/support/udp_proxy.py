"""A UDP proxy that drops, doubles and reorders, by seeded luck, in both directions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

_Callback = Callable[[bytes, tuple[str, int]], None]


class Weather(msgspec.Struct, frozen=True, kw_only=True):
    """Probabilities per datagram, 0..1."""

    drop: float = 0.0
    double: float = 0.0
    delay: float = 0.0
    """Held back by ``delay_by``, so that later ones overtake it."""
    delay_by: float = 0.03
    """Seconds."""


class UdpProxy:
    """``async with UdpProxy(target, weather, seed=…) as proxy``: send to ``proxy.port``.

    Each sender gets a socket of its own towards the target, so that answers find their way back.
    """

    def __init__(self, target: tuple[str, int], weather: Weather, *, seed: int) -> None:
        self.port = 0
        self.dropped = 0
        self.passed = 0
        self._target = target
        self._weather = weather
        self._luck = random.Random(seed)
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._waiting: dict[tuple[str, int], list[bytes]] = {}
        """What came while a sender's socket was being opened."""
        self._opening: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()

    async def __aenter__(self) -> Self:
        self._front = await _bind(lambda data, addr: self._from_front(data, addr))
        self.port = self._front.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        for task in self._opening:
            task.cancel()
        for transport in (self._front, *self._backs.values()):
            if transport is not None:
                transport.close()
        await asyncio.sleep(0)  # transports close their sockets in the next turn of the loop

    def _from_front(self, data: bytes, addr: tuple[str, int]) -> None:
        if (back := self._backs.get(addr)) is not None:
            self._pass(back, data, self._target)
        elif (waiting := self._waiting.get(addr)) is not None:
            waiting.append(data)
        else:
            self._waiting[addr] = [data]
            task = asyncio.create_task(self._open(addr))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, addr: tuple[str, int]) -> None:
        front = self._front
        assert front is not None
        back = await _bind(lambda answer, _: self._pass(front, answer, addr))
        self._backs[addr] = back
        for data in self._waiting.pop(addr):
            self._pass(back, data, self._target)

    def _pass(self, out: asyncio.DatagramTransport, data: bytes, addr: tuple[str, int]) -> None:
        weather = self._weather
        if self._luck.random() < weather.drop:
            self.dropped += 1
            return
        self.passed += 1
        copies = 1 + (self._luck.random() < weather.double)
        for _ in range(copies):
            if self._luck.random() < weather.delay:
                self._later(out, data, addr)
            else:
                out.sendto(data, addr)

    def _later(self, out: asyncio.DatagramTransport, data: bytes, addr: tuple[str, int]) -> None:
        def send() -> None:
            self._timers.discard(timer)
            out.sendto(data, addr)

        timer = asyncio.get_running_loop().call_later(self._weather.delay_by, send)
        self._timers.add(timer)


class _Receive(asyncio.DatagramProtocol):
    def __init__(self, receive: _Callback) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, addr)


async def _bind(receive: _Callback) -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Receive(receive), local_addr=("127.0.0.1", 0)
    )
    return transport
