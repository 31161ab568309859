"""What a leg needs of the engine that runs it, so that neither imports the other's module."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from socket import socket

from offhook.media.engine import MediaEvent
from offhook.media.python.port_pool import SocketPair
from offhook.media.python.rtp_sender import RtpSender

Fail = Callable[[BaseException], None]
"""Called with an exception that handling a leg raised; ends that leg."""
Reader = Callable[[int, float, float], None]
"""Reads a socket: number of the pass, monotonic time, real time minus monotonic time."""
Timer = Callable[[float], None]
"""Called with the monotonic time."""


class EngineServices(ABC):
    """The engine as its legs see it. Only :meth:`post` may be called from another thread than its own."""

    buffer: memoryview
    """For each datagram in turn."""
    now: float
    """Monotonic time of the current pass."""
    report_interval: float
    """Seconds between RTCP reports, before randomisation."""

    @abstractmethod
    def post(self, command: Callable[[], None], fail: Fail) -> None:
        """Have the thread run ``command``."""

    @abstractmethod
    def emit(self, deliver: Callable[[MediaEvent], None], event: MediaEvent) -> None:
        """Have ``deliver`` called with ``event`` on the loop."""

    @abstractmethod
    def call_at(self, at: float, timer: Timer, fail: Fail) -> None:
        """Call back at a monotonic time."""

    @abstractmethod
    def watch(self, sock: socket, reader: Reader, fail: Fail) -> None:
        """Call ``reader`` whenever ``sock`` has data."""

    @abstractmethod
    def unwatch(self, sock: socket) -> None:
        """Stop watching the socket."""

    @abstractmethod
    def tick_at(self, at: float) -> float:
        """The tick of a monotonic time, and what part of it has passed."""

    @abstractmethod
    def at_tick(self, tick: float) -> float:
        """The monotonic time of a tick."""

    @abstractmethod
    def schedule(self, sender: RtpSender) -> None:
        """Let a sender with work be called every packet time, from the next tick with room."""

    @abstractmethod
    def unschedule(self, sender: RtpSender) -> None:
        """Let it be called no more, until it is scheduled again."""

    @abstractmethod
    def adopt(self, close: Callable[[], None]) -> None:
        """A leg was opened; ``close`` ends it when the engine ends."""

    @abstractmethod
    def forget(self, close: Callable[[], None], sockets: SocketPair) -> None:
        """A leg is over: close its sockets, free its ports."""
