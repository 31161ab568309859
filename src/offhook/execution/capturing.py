"""Captures the packets of sessions that an operator asked for.

An order comes over the fabric to every voice node and waits in its :class:`CaptureDesk`. A session that fits
one takes it: its answered legs are tapped, and what the taps give becomes RTP packets, with the sequence
numbers that their timestamps imply (a tap has neither the packets that were lost nor the silence that we did
not send). The file is stored when the session ends. It is bounded in time and octets.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from typing import final

from offhook.clock import Clock
from offhook.faults import FaultLog
from offhook.media.tap_frames import CODEC_NUMBERS, BadFrame, TapFrame, TapFrameKind, frames_of
from offhook.session.pcap import End, Packet, datagram, end_of, pcap_file
from offhook.session.ports.capture_orders import MOST_OCTETS, CaptureOrder
from offhook.session.ports.operating import Operating
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.recording import AudioTap
from offhook.session.ports.telephony import Call
from offhook.session.session import Session

log = logging.getLogger(__name__)
faults = FaultLog(log)

MOST_ARMED = 32
"""Orders that wait on a node; then the oldest is dropped."""
MOST_RUNNING = 4
"""Captures that run at once on a node."""
TAKE_EVERY = 0.25
"""Seconds between two looks at the taps."""
_RTP = struct.Struct("!BBHII")
_SAMPLES = 160
"""Of a packet of 20 ms."""


class CaptureDesk:
    """The orders of one voice node."""

    def __init__(self, store: Operating, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.running = 0
        self._orders: list[CaptureOrder] = []

    def arm(self, order: CaptureOrder) -> None:
        """Let the order wait for its session."""
        self._orders = [*self._orders[-MOST_ARMED + 1 :], order]

    def take(self, session: Session) -> CaptureOrder | None:
        """The order that means this session, which no other session gets; None: there is none."""
        if not self._orders:
            return None
        now = self.clock.now()
        self._orders = [order for order in self._orders if order.until > now]
        for order in self._orders:
            if order.fits(session) and self.running < MOST_RUNNING:
                self._orders.remove(order)
                return order
        return None


class _TappedLeg:
    """One leg that is captured."""

    def __init__(self, call: Call, near: End, far: End) -> None:
        self.tap: AudioTap = call.tap()
        self.near, self.far = near, far

    def packet(self, frame: TapFrame, shift: float) -> Packet:
        """A frame as the RTP packet it was, or could have been."""
        number = frame.timestamp // _SAMPLES & 0xFFFF
        head = _RTP.pack(0x80, CODEC_NUMBERS[frame.codec], number, frame.timestamp, frame.ssrc)
        ends = (
            (self.far, self.near) if frame.kind is TapFrameKind.RECEIVED else (self.near, self.far)
        )
        return datagram(frame.at / 1e6 + shift, *ends, head + frame.payload)


@final
class SessionCapture:
    """The capture of one session, if there is one."""

    def __init__(self, desk: CaptureDesk | None) -> None:
        """``desk``: None in the simulator, which has no packets."""
        self._desk = desk
        self._order: CaptureOrder | None = None
        self._legs: dict[str, _TappedLeg] = {}
        self._packets: list[Packet] = []
        self._octets = 0
        self._task: asyncio.Task[None] | None = None
        self._shift = 0.0
        """Seconds from the monotonic clock to Unix time."""
        self.taken = False
        """Whether the session's SIP messages are wanted."""

    def look(self, session: Session, calls: list[Call], *, recorded: bool) -> None:
        """Begin, if an order means this session; tap its connected legs. A leg has one tap, so a session that
        is recorded is captured without RTP."""
        desk = self._desk
        if desk is None:
            return
        if self._order is None and (order := desk.take(session)) is not None:
            self._begin(desk, order, recorded=recorded)
        if self._task is not None and not self._task.done():
            for call in calls:
                ends = call.media_ends()
                if ends is not None and call.call_id not in self._legs and call.ended is None:
                    leg = _TappedLeg(call, end_of(ends[0]), end_of(ends[1]))
                    self._legs[call.call_id] = leg

    def _begin(self, desk: CaptureDesk, order: CaptureOrder, *, recorded: bool) -> None:
        self._order = order
        self.taken = True
        log.info("its packets are captured for %g s", order.seconds)
        self._shift = desk.clock.now().timestamp() - time.monotonic()
        if order.rtp and not recorded:
            desk.running += 1
            self._task = asyncio.get_running_loop().create_task(self._run(order.seconds))
            self._task.add_done_callback(lambda _task: self._over(desk))

    def _over(self, desk: CaptureDesk) -> None:
        """No more packets are taken, also where the task was canceled before it began."""
        desk.running -= 1
        for leg in self._legs.values():
            leg.tap.stop()

    async def _run(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._octets < MOST_OCTETS:
            await asyncio.sleep(TAKE_EVERY)
            self._drain()

    def _drain(self) -> None:
        for leg in self._legs.values():
            try:
                frames = [frame for frame in frames_of(leg.tap.take()) if frame.payload]
            except BadFrame:
                faults.report("reading a tap for a capture")
                continue
            for frame in frames:
                if self._octets >= MOST_OCTETS:
                    return
                packet = leg.packet(frame, self._shift)
                self._packets.append(packet)
                self._octets += len(packet.octets)

    async def finish(self, session_id: str) -> None:
        """The session has ended: store what was captured."""
        task, self._task = self._task, None
        desk = self._desk
        if task is None or desk is None:
            return
        if not task.done():
            self._drain()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        packets, self._packets = self._packets, []
        self._legs.clear()
        file = await asyncio.to_thread(pcap_file, packets)
        try:
            await desk.store.put_capture(session_id, desk.clock.now(), file)
        except StoreUnavailable as error:
            log.warning("the capture is lost: %s", error)
