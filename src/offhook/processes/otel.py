"""Traces over OTLP, by OpenTelemetry's SDK (the extra ``otel``), imported only when traces are configured.

A span comes when it is over, with its times; the SDK gathers spans in a bounded queue and a thread of its own
posts them. When the collector is away spans are dropped and calls go on.
"""

from __future__ import annotations

import importlib
import logging
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Final, final

from offhook import __version__
from offhook.processes.role_context import CannotServe, RoleContext
from offhook.session.ports.tracing import NoTraces, Span, Tracer, span_id, trace_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

GATHER_MS: Final = 1000
"""Milliseconds for which spans are gathered before they are sent."""
MOST_WAITING: Final = 8192
"""Spans that wait to be sent; more are dropped."""
_ALL: Final = 1 << 56


def open_tracer(context: RoleContext, stack: AsyncExitStack, process: str) -> Tracer:
    """The tracer of this process, ``api`` or ``voice``.

    Raises :class:`CannotServe` when the extra is not installed.
    """
    section = context.config.telemetry
    if section.traces is None:
        return NoTraces()
    try:
        importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError:
        raise CannotServe(
            "telemetry.traces needs OpenTelemetry, which is not installed: pip install 'offhook[otel]'"
        ) from None
    # It logs each failed export with a traceback; one line is enough.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    tracer = OtlpTracer(section.traces, f"{context.node_name}/{process}", section.traces_ratio)
    stack.callback(tracer.close)
    return tracer


@final
class OtlpTracer(Tracer):
    """Sends spans to an OTLP collector over HTTP."""

    def __init__(self, url: str, instance: str, ratio: float) -> None:
        """``url``: up to the port, such as ``http://127.0.0.1:4318``; ``ratio``: of sessions, 0 to 1."""
        from opentelemetry.sdk.trace.id_generator import IdGenerator

        @final
        class Computed(IdGenerator):
            """The ids of the span that is about to be made."""

            trace = span = 1

            def generate_trace_id(self) -> int:
                return self.trace

            def generate_span_id(self) -> int:
                return self.span

        self._below = int(ratio * _ALL)
        self._ids = Computed()
        self._provider = _provider(url, instance, self._ids)
        self._spans = self._provider.get_tracer("offhook", __version__)

    def follows(self, session_id: str) -> bool:
        """By the last 56 bits of the trace's id, as W3C Trace Context level 2 asks of samplers."""
        return trace_id(session_id) % _ALL < self._below

    def emit(self, span: Span) -> None:
        """Hand a span to the SDK's queue."""
        from opentelemetry import trace

        ids = self._ids
        ids.trace = trace_id(span.session_id)
        ids.span = span_id(span.session_id, span.key)
        parent = None
        if span.parent is not None:
            above = trace.SpanContext(
                ids.trace,
                span_id(span.session_id, span.parent),
                is_remote=True,
                trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
            )
            parent = trace.set_span_in_context(trace.NonRecordingSpan(above))
        made = self._spans.start_span(
            span.name,
            context=parent if parent is not None else trace.set_span_in_context(trace.INVALID_SPAN),
            kind=trace.SpanKind[span.kind.name],
            attributes=dict(span.facts),
            start_time=_nanoseconds(span.began),
        )
        if span.problem is not None:
            made.set_status(trace.Status(trace.StatusCode.ERROR, span.problem))
        made.end(_nanoseconds(max(span.began, span.ended)))

    def close(self) -> None:
        """Send what waits, and end the thread."""
        self._provider.shutdown()


def _provider(url: str, instance: str, ids: object) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    facts = {
        "service.name": "offhook",
        "service.version": __version__,
        "service.instance.id": instance,
    }
    provider = TracerProvider(
        sampler=ALWAYS_ON,
        resource=Resource(facts),
        id_generator=ids,  # type: ignore[arg-type]
        shutdown_on_exit=False,
    )
    exporter = OTLPSpanExporter(endpoint=f"{url.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, max_queue_size=MOST_WAITING, schedule_delay_millis=GATHER_MS)
    )
    return provider


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
