"""A session's trace, as a collector of OpenTelemetry gets it from all processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.otlp import Collector
from tests.support.receiver import Received, Receiver, Reply
from tests.support.server import SOURCE, Server, configuration

PHONE = "+12025550101"
CAPTURE = {
    "callflow": [
        {"action": "makeCall", "params": {"source": SOURCE, "destination": PHONE}},
        {
            "action": "sayAndCapture",
            "params": {"promptMessage": "Press.", "language": "en-US", "maxDigits": 1},
        },
    ]
}
NAMES = {
    *("session", "POST callflows", "wait in the queue", "call outbound"),
    *("MAKE_CALL", "SAY_AND_CAPTURE", "HANGUP"),
    *("POST VCA webhook", "POST VSS webhook", "POST VCS webhook"),
}


def traced(config: dict[str, Any], receiver: Receiver) -> dict[str, Any]:
    config["testbed"] = {"phones": [{"number": PHONE, "answer_after": 0.1, "press": "1"}]}
    hangup = Reply(body=json.dumps({"callflow": [{"action": "hangup"}]}).encode())
    receiver.on("/vca", hangup)
    return config


def webhooks(receiver: Receiver) -> dict[str, str]:
    return {kind: receiver.url(f"/{kind.lower()}") for kind in ("VCA", "VCS", "VSS")}


def context_of(request: Received) -> tuple[str, str]:
    """Trace and span of the request's ``traceparent``, in hex."""
    version, trace, span, flags = request.headers["traceparent"].split("-")
    assert (version, flags) == ("00", "01")
    return trace, span


async def test_a_session_is_one_trace_of_all_processes_and_webhooks(tmp_path: Path) -> None:
    async with Collector() as collector, Receiver() as receiver:
        config = traced(configuration({}, webhooks=webhooks(receiver)), receiver)
        config["telemetry"] = {"traces": collector.url}
        async with Server(tmp_path / "server", config) as server:
            session = await server.place(CAPTURE)
            await collector.wait_for(
                lambda: {span.name for span in collector.spans} >= NAMES, timeout=60
            )
        trace = session.replace("-", "")
        assert {span.trace_id.hex() for span in collector.spans} == {trace}
        [whole] = collector.named("session")
        assert whole.parent_span_id == b""
        others = [span for span in collector.spans if span is not whole]
        assert {span.parent_span_id for span in others} == {whole.span_id}
        assert len({span.span_id for span in collector.spans}) == len(collector.spans)
        assert all(
            whole.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
            for span in others
        )
        for kind in ("VCA", "VSS", "VCS"):
            sent = {span.span_id.hex() for span in collector.named(f"POST {kind} webhook")}
            for request in receiver.at(f"/{kind.lower()}"):
                assert context_of(request)[0] == trace
            assert sent <= {context_of(request)[1] for request in receiver.at(f"/{kind.lower()}")}
        instances = {facts["service.instance.id"] for facts in collector.resources}
        assert {facts["service.name"] for facts in collector.resources} == {"offhook"}
        assert {name.rpartition("/")[2] for name in instances} == {"api", "voice"}
        text = str(collector.spans)
        assert PHONE not in text
        assert SOURCE not in text


async def test_without_a_collector_webhooks_have_no_context_and_calls_go_on(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        config = traced(configuration({}, webhooks=webhooks(receiver)), receiver)
        config["telemetry"] = {"traces": "http://127.0.0.1:9", "traces_ratio": 0.0}
        async with Server(tmp_path / "server", config) as server:
            session = await server.place(CAPTURE)
            await receiver.wait_for(lambda: session in receiver.summaries(), timeout=60)
        assert all("traceparent" not in one.headers for one in receiver.received)
