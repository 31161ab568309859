"""The ids of traces and spans, and what W3C Trace Context asks of them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from offhook.session.ports.tracing import NoTraces, question_key, span_id, trace_id, traceparent

SESSION = "01a22040-ec59-7869-916e-6e4092b8152b"


def test_the_trace_of_a_session_is_found_by_the_sessions_id() -> None:
    assert f"{trace_id(SESSION):032x}" == SESSION.replace("-", "")


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_context_is_one_of_version_0_whatever_the_ids(session: str, key: str) -> None:
    header = traceparent(session, key)
    found = re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01", header)
    assert found is not None
    assert int(found[1], 16) == trace_id(session) != 0
    assert int(found[2], 16) == span_id(session, key) != 0


def test_spans_of_a_session_differ_and_are_the_same_in_every_process() -> None:
    assert span_id(SESSION, "vca:1") != span_id(SESSION, "vca:2")
    assert span_id("another", "vca:1") != span_id(SESSION, "vca:1")
    assert len({span_id(SESSION, question_key(event)) for event in ("1", "2", "3")}) == 3


def test_without_traces_webhooks_get_no_context() -> None:
    assert NoTraces().headers(SESSION, "vca:1") == {}
