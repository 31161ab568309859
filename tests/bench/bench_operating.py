"""What metrics and SIP traces cost of a call, in per cent of the CPU time of a whole call.

Run with ``python -m tests.bench.bench_operating [--call MS] [--rounds N]``. Each part is run as often as one
inbound call with two questions to a webhook runs it (INVITE to BYE, two keys), with the metrics in
memory-mapped files, as ``offhook serve`` has them. ``--call``: milliseconds of CPU of such a call in the
voice process (``docs/benchmarks.md``, "Where a call's time goes").
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry

from offhook.codes import SessionStatus
from offhook.events import (
    AnyEvent,
    CallConnected,
    CallDisconnected,
    CallReceived,
    DecisionAsked,
    DecisionMade,
    DigitsCaptured,
    SessionEnded,
)
from offhook.execution.call_metrics import CallMetrics
from offhook.flow.actions import Callflow
from offhook.media.engine import LegStatistics
from offhook.process_metrics import FOLDER, Tally, remember_process, tally_of
from offhook.session.session import CallQuality, Direction, Leg, Session
from offhook.sip import Address
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.sip_trace import SipTraces

RUNS = 9
CALLS_A_WRITE = 25
"""Calls that end from one writing of the counts to the next, at 50 calls a second."""
FAR = Address("udp", "192.0.2.1", 5060)
AT = datetime(2026, 11, 28, tzinfo=UTC)
LATER = AT + timedelta(seconds=7)
MESSAGE = (
    b"INVITE sip:+1@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: %d\r\nCSeq: 1 INVITE\r\n" + b"x" * 400
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--call", type=float, default=6.2)
    parser.add_argument("--rounds", type=int, default=2000)
    options = parser.parse_args()
    memory = Path("/dev/shm")  # the folder in it is new
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        os.environ[FOLDER] = folder
        remember_process()
        registry = CollectorRegistry()
        total = 0.0
        print(f"{'part':<36} {'µs a call':>10} {'of the call':>12}")
        for name, part in parts(registry).items():
            micros = median(part, options.rounds // RUNS, tally_of(registry))
            total += micros
            print(f"{name:<36} {micros:>10.1f} {micros / options.call / 10:>11.2f}%")
        print(f"{'all':<36} {total:>10.1f} {total / options.call / 10:>11.2f}%")


def median(part: Callable[[], None], rounds: int, tally: Tally) -> float:
    """Microseconds of CPU of one call of ``part``, the writing of its counts included."""
    times = []
    for _ in range(RUNS + 1):
        began = time.process_time()
        for number in range(rounds):
            part()
            if number % CALLS_A_WRITE == 0:
                tally.write()
        times.append((time.process_time() - began) / rounds * 1e6)
    return statistics.median(times[1:])


def parts(registry: CollectorRegistry) -> dict[str, Callable[[], None]]:
    """What is measured, by name."""
    calls, line = CallMetrics(registry), LineMetrics(registry)
    return {
        "metrics of the session (9 facts)": lambda: observe(calls, *a_session()),
        "metrics of the line (2 keys, RTP)": lambda: count_media(line),
        "timing of the store (10 saves)": lambda: time_saves(calls),
        "SIP trace (9 messages)": tracing(),
    }


def observe(metrics: CallMetrics, session: Session, facts: Sequence[AnyEvent]) -> None:
    """The facts of one call."""
    meter = metrics.of_session()
    for fact in facts:
        meter.observe(session, [fact])
    meter.close()


def count_media(metrics: LineMetrics) -> None:
    """Two keys, and the end of the media."""
    metrics.pressed("event")
    metrics.pressed("event")
    metrics.media_ended(
        "carrier",
        LegStatistics(
            packets_sent=370,
            octets_sent=59_200,
            packets_received=370,
            packets_expected=370,
            packets_lost=1,
            packets_late=1,
            jitter=0.001,
            remote_fraction_lost=None,
            remote_jitter=None,
            round_trip=None,
        ),
    )


def time_saves(metrics: CallMetrics) -> None:
    """The saves of one call."""
    for _ in range(10):
        metrics.stored("save", time.perf_counter())


def tracing() -> Callable[[], None]:
    """The messages of one call, each of another Call-ID."""
    traces = SipTraces(lambda far: Address("udp", "127.0.0.1", 5060), lambda: datetime.now(UTC))
    number = 0

    def trace() -> None:
        nonlocal number
        number += 1
        message = MESSAGE % number
        traces.tap("<", message, FAR)
        traces.claim(str(number))
        for _ in range(4):
            traces.tap(">", message, FAR)
            traces.tap("<", message, FAR)
        traces.drop(str(number))

    return trace


def a_session() -> tuple[Session, list[AnyEvent]]:
    """A session, and the facts of its timeline that are counted."""
    leg = Leg(
        call_id="a",
        direction=Direction.INBOUND,
        source="+12025550199",
        destination="+12025550101",
        trunk="carrier",
        initiated_at=AT,
        connected_at=AT,
        quality=CallQuality(mos=4.4, packet_loss_rate=0.0, jitter=0),
    )
    session = Session(
        session_id="s",
        sub_account_id="demo",
        call_flow_request_id="r",
        status=SessionStatus.RUNNING,
        callflow=Callflow(actions=()),
        created_at=AT,
        legs=(leg,),
    )
    asked, made = DecisionAsked(at=AT, event_id="e"), DecisionMade(at=LATER, event_id="e")
    return session, [
        CallReceived(at=AT, call_id="a", source=leg.source, destination=leg.destination),
        *(asked, made),
        CallConnected(at=AT, call_id="a"),
        DigitsCaptured(at=AT, call_id="a", digits="1"),
        *(asked, made),
        CallDisconnected(at=LATER, call_id="a", call_status="COMPLETED"),
        SessionEnded(at=LATER, status="COMPLETED"),
    ]


if __name__ == "__main__":
    main()
