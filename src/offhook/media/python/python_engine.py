"""The media engine in pure Python: one pacing thread for all legs of the process.

Theory of operation. Time is divided into ticks of 5 ms, counted from the start. A leg that sends
does so every fourth tick, so the legs that send are spread over four slots; beside them stand those whose
peer wants packets of another length than 20 ms, each with the tick of its next packet. Within a pass of
its loop the thread runs the commands that came from the asyncio side, sends what the due tick asks for, reads
every socket that has something, runs timers, and hands the events of the whole pass to the loop with
one wake-up. With few legs it waits in the selector, so that packets and commands are handled as they
arrive; with many it sleeps from tick to tick and handles them in batches. While no leg sends, it sleeps
until something arrives or a timer is due. Late ticks are made up for in order; after a
standstill of more than 200 ms they are skipped, and the legs begin a new talkspurt.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import selectors
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, final

from offhook.media import rtcp
from offhook.media.engine import Audio, MediaEngine, MediaEvent
from offhook.media.playout import LoadedSound
from offhook.media.python.pacing import TICK, TICKS_PER_PACKET
from offhook.media.python.port_pool import PortPools, SocketPair
from offhook.media.python.python_leg import PythonLeg
from offhook.media.python.rtp_receiver import MAX_DATAGRAM
from offhook.media.python.rtp_sender import RtpSender
from offhook.media.python.services import EngineServices, Fail, Reader, Timer

_log = logging.getLogger(__name__)

_EAGER_LEGS: Final = 8
"""Up to this number of legs, each packet wakes the thread."""
_MOST_LATE: Final = 40
"""Ticks made up for after a standstill."""
_COMMANDS: Final = 16
"""Commands run before the clock is looked at."""
_SLOT_SLACK: Final = 4
"""Legs by which a slot may exceed its share before a new leg waits for the next tick."""
_SWITCH_INTERVAL: Final = 0.001
"""Seconds that the loop's thread may hold the GIL while packets wait. Each socket call releases the GIL;
with the default of 5 ms the thread would wait that long to get it back."""

Delivery = tuple[Callable[[MediaEvent], None], MediaEvent]


@final
class PythonEngine(MediaEngine, EngineServices):
    """All legs of one process, on one thread."""

    def __init__(
        self,
        *,
        host: str,
        ports: tuple[int, int],
        other: str | None = None,
        report_interval: float = rtcp.MIN_INTERVAL,
    ) -> None:
        """``host``: literal address to bind; ``other``: one of the other IP version; ``ports``: first and
        last port, inclusive. ``report_interval``: seconds between RTCP reports, before randomisation.

        Raises :class:`ValueError` when they are none.
        """
        self.report_interval = report_interval
        self._pools = PortPools(host, other, ports)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._commands: deque[tuple[Callable[[], None], Fail]] = deque()
        self._outbox: list[Delivery] = []
        self._undelivered: deque[list[Delivery]] = deque()
        self._legs: set[Callable[[], None]] = set()
        """What closes each open leg."""
        self._slots: list[list[RtpSender]] = [[] for _ in range(TICKS_PER_PACKET)]
        self._unusual: list[RtpSender] = []
        """The legs whose packets are not of 20 ms."""
        self._timers: list[tuple[float, int, Timer, Fail]] = []
        self._timer_order = itertools.count()
        self._selector = selectors.DefaultSelector()
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._waiting = False
        self._never = threading.Lock()
        self._never.acquire()
        self._began = 0.0
        self._tick = 0
        self._pass = 0
        self._read_pass = 0
        self.buffer = memoryview(bytearray(MAX_DATAGRAM))
        self.now = 0.0

    # The asyncio side.

    def start(self) -> None:
        # From now on the interpreter switches threads every millisecond.
        if self._thread is not None or self._closed:
            raise RuntimeError("a media engine starts once")
        self._loop = asyncio.get_running_loop()
        sys.setswitchinterval(min(_SWITCH_INTERVAL, sys.getswitchinterval()))
        for end in (self._wake_receiver, self._wake_sender):
            end.setblocking(False)
        self.watch(self._wake_receiver, self._woken, _log_failure)
        self._began = self.now = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="offhook-media", daemon=False)
        self._thread.start()

    def load(self, audio: Audio) -> LoadedSound:
        return LoadedSound(audio)

    def open_leg(
        self,
        on_event: Callable[[MediaEvent], None],
        *,
        media_timeout: float | None = None,
        ip_version: int | None = None,
    ) -> PythonLeg:
        if self._thread is None or self._closed:
            raise RuntimeError("the media engine is not running")
        return PythonLeg(self, self._pools.of(ip_version).open(), on_event, media_timeout)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._thread is not None:
            self._wake()
            self._thread.join()
        self._selector.close()
        self._wake_receiver.close()
        self._wake_sender.close()

    def post(self, command: Callable[[], None], fail: Fail) -> None:
        self._commands.append((command, fail))
        if self._waiting:
            self._wake()

    def _wake(self) -> None:
        try:
            self._wake_sender.send(b"\0")
        except BlockingIOError:
            return  # the wake-up pipe is full, so the thread is awake

    def _deliver(self) -> None:
        """Deliver, on the loop, all events that the thread has queued."""
        while self._undelivered:
            for deliver, event in self._undelivered.popleft():
                try:
                    deliver(event)
                except Exception:
                    _log.exception("a listener of media events failed")

    # Services for the legs, in the engine's thread.

    def emit(self, deliver: Callable[[MediaEvent], None], event: MediaEvent) -> None:
        self._outbox.append((deliver, event))

    def watch(self, sock: socket.socket, reader: Reader, fail: Fail) -> None:
        self._selector.register(sock, selectors.EVENT_READ, (reader, fail))

    def unwatch(self, sock: socket.socket) -> None:
        try:
            self._selector.unregister(sock)
        except KeyError:
            return  # it was never watched

    def call_at(self, at: float, timer: Timer, fail: Fail) -> None:
        heapq.heappush(self._timers, (at, next(self._timer_order), timer, fail))

    def tick_at(self, at: float) -> float:
        return (at - self._began) / TICK

    def at_tick(self, tick: float) -> float:
        return self._began + tick * TICK

    def schedule(self, sender: RtpSender) -> None:
        if sender.scheduled or not sender.has_work:
            return
        # While late ticks are processed, a new leg begins with the first tick that is not late.
        soon = int((time.monotonic() - self._began) / TICK) + 1
        if not self._sending:
            self._tick = max(self._tick, soon)
        first = max(self._tick, soon)
        sender.scheduled = True
        if sender.ptime != 20:
            sender.not_before = sender.due = first
            self._unusual.append(sender)
            return
        share = sum(map(len, self._slots)) // TICKS_PER_PACKET + _SLOT_SLACK
        ticks = range(first, first + TICKS_PER_PACKET)
        tick = next((t for t in ticks if len(self._slots[t % TICKS_PER_PACKET]) < share), first)
        self._slots[tick % TICKS_PER_PACKET].append(sender)
        sender.not_before = tick

    def unschedule(self, sender: RtpSender) -> None:
        if sender.scheduled:
            sender.scheduled = False
            self._unusual = [each for each in self._unusual if each.scheduled]
            self._slots = [[each for each in slot if each.scheduled] for slot in self._slots]

    def adopt(self, close: Callable[[], None]) -> None:
        self._legs.add(close)

    def forget(self, close: Callable[[], None], sockets: SocketPair) -> None:
        self._legs.discard(close)
        sockets.close()
        self._pools.release(sockets)

    # The thread.

    @property
    def _sending(self) -> bool:
        return any(self._slots) or bool(self._unusual)

    def _run(self) -> None:
        while not self._closed:
            self._pass += 1
            self.now = time.monotonic()
            self._run_commands()
            if self._sending:
                self._run_ticks()
            self._run_timers()
            self._post_events()
            self._wait_and_read()
        while self._commands:
            self._run_commands()
        for close in list(self._legs):
            _guarded(close, _log_failure)
        self._post_events()

    def _run_commands(self) -> None:
        """Run all commands, or as many as possible before the next tick is due."""
        commands = self._commands
        done = 0
        while commands:
            _guarded(*commands.popleft())
            done += 1
            if done % _COMMANDS == 0 and self._sending and time.monotonic() >= self._due_at():
                return

    def _run_ticks(self) -> None:
        """Run everything that is due, in order."""
        late = int((self.now - self._began) / TICK) - self._tick
        if late > _MOST_LATE:
            self._tick += late
            for sender in itertools.chain(self._unusual, *self._slots):
                sender.interrupted()
        while self._began + self._tick * TICK <= self.now:
            tick = self._tick
            slot = tick % TICKS_PER_PACKET
            if not self._transmit(self._slots[slot], tick):
                self._slots[slot] = [leg for leg in self._slots[slot] if leg.scheduled]
            if self._unusual and not self._transmit(
                [leg for leg in self._unusual if leg.due <= tick], tick
            ):
                self._unusual = [leg for leg in self._unusual if leg.scheduled]
            self._tick += 1

    def _transmit(self, legs: list[RtpSender], tick: int) -> bool:
        """Let legs send; false when one of them goes on no more."""
        over = False
        for sender in legs:
            try:
                if sender.connected and sender.transmit(tick):
                    continue
            except Exception as error:
                sender.fail(error)
            sender.scheduled = False
            over = True
        return not over

    def _run_timers(self) -> None:
        timers = self._timers
        while timers and timers[0][0] <= self.now:
            _, _, timer, fail = heapq.heappop(timers)
            try:
                timer(self.now)
            except Exception as error:
                fail(error)

    def _post_events(self) -> None:
        """Wake the loop once for all events of the pass, unless a wake-up is pending already."""
        if not self._outbox or self._loop is None:
            return
        self._undelivered.append(self._outbox)
        self._outbox = []
        if len(self._undelivered) == 1:
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                self._undelivered.clear()  # the loop is closed, so there are no listeners left

    def _wait_and_read(self) -> None:
        """Wait for the next tick, timer, command or packet, then read what is there."""
        sending = self._sending
        until = self._timers[0][0] if self._timers else None
        if sending:
            tick_at = self._due_at()
            until = tick_at if until is None else min(until, tick_at)
        if self._busy(sending):
            pause = (tick_at if sending else self.now + TICK) - time.monotonic()
            self._sleep(pause)
            self._read(0)
            return
        timeout = None if until is None else until - time.monotonic()
        if timeout is not None and timeout < 0.001:
            self._sleep(timeout)
            self._read(0)
            return
        # A selector may round up to a whole millisecond: give it whole ones, and sleep for the rest.
        self._waiting = True
        if self._commands or self._closed:
            timeout = 0
        elif timeout is not None:
            timeout = int(timeout * 1000) / 1000 - 1e-6
        self._read(timeout)
        self._waiting = False

    def _sleep(self, pause: float) -> None:
        """Sleep with microsecond precision: waiting for a lock that is never released costs less than
        :func:`time.sleep`."""
        if pause > 0:
            self._never.acquire(timeout=pause)

    def _due_at(self) -> float:
        """When the next tick with a leg that sends is due."""
        tick = self._tick
        while not self._slots[tick % TICKS_PER_PACKET] and tick < self._tick + TICKS_PER_PACKET:
            tick += 1
        if self._unusual:
            soonest = min(sender.due for sender in self._unusual)
            tick = min(tick, soonest) if any(self._slots) else soonest
        return self._began + tick * TICK

    def _busy(self, sending: bool) -> bool:
        """Whether there are so many legs that single packets should not wake the thread."""
        return len(self._legs) > _EAGER_LEGS and (
            sending or self._read_pass >= self._pass - TICKS_PER_PACKET
        )

    def _read(self, timeout: float | None) -> None:
        """Read every socket that has data."""
        ready = self._selector.select(timeout)
        if not ready:
            return
        # A command given before a packet came takes effect before it.
        self._run_commands()
        self.now = now = time.monotonic()
        skew = time.time() - now
        number = self._read_pass = self._pass
        for key, _ in ready:
            reader, fail = key.data
            try:
                reader(number, now, skew)
            except Exception as error:
                fail(error)

    def _woken(self, _pass: int, _now: float, _skew: float) -> None:
        try:
            self._wake_receiver.recv(256)
        except BlockingIOError:
            return


def _guarded(command: Callable[[], None], fail: Fail) -> None:
    """Run a command of one leg: an exception ends that leg, not the others."""
    try:
        command()
    except Exception as error:
        fail(error)


def _log_failure(error: BaseException) -> None:
    """Log an error that belongs to no leg."""
    _log.error("the media thread goes on after a failure", exc_info=error)
