"""The log lines of sessions, and the state of trunks, on their way to the store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from offhook.log import about
from offhook.processes.operator_notes import MOST_OF_SESSION, MOST_WAITING, OperatorNotes
from offhook.session.ports.operating import LogLine, TrunkState
from offhook.session.ports.record import StoreUnavailable
from offhook.store.memory.memory_store import MemoryStore

log = logging.getLogger("offhook.test_operator_notes")


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


async def test_the_lines_of_a_session_are_stored_and_others_are_not() -> None:
    store = MemoryStore()
    notes = OperatorNotes(store, process="voice-0", node="n1")
    with notes.listening():
        log.warning("about no session")
        with about("s1"):
            log.warning("the trunk says %d", 503)
            log.debug("a phone number")
            try:
                raise ValueError("Bearer abc")
            except ValueError:
                log.exception("it failed")
    with about("s1"):
        log.warning("nobody listens any more")
    await notes.save()
    lines = [(one.process, one.level, one.text) for one in await store.log_lines("s1")]
    assert lines == [
        ("voice-0", "warning", "the trunk says 503"),
        ("voice-0", "error", "it failed (ValueError('Bearer [redacted]'))"),
    ]


async def test_a_session_that_logs_without_end_has_a_bounded_number_of_lines() -> None:
    store = MemoryStore()
    notes = OperatorNotes(store, process="api", node="n1")
    with notes.listening(), about("s1"):
        for number in range(2 * MOST_OF_SESSION):
            log.info("line %d", number)
    await notes.save()
    assert len(await store.log_lines("s1")) == MOST_OF_SESSION


class AwayStore(MemoryStore):  # type: ignore[misc]  # a store that is final has no other double
    """A store that is away at first."""

    away = True

    async def put_log_lines(self, lines: Sequence[LogLine]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        await super().put_log_lines(lines)


async def test_what_the_store_cannot_take_waits_within_bounds() -> None:
    store = AwayStore()
    notes = OperatorNotes(store, process="api", node="n1")
    with notes.listening():
        for number in range(MOST_WAITING + 5):
            with about(f"s{number}"):
                log.info("line %d", number)
    await notes.save()
    store.away = False
    await notes.save()
    assert await store.log_lines("s4") == []
    assert len(await store.log_lines("s5")) == 1
    assert len(await store.log_lines(f"s{MOST_WAITING + 4}")) == 1


async def test_the_last_state_of_a_trunk_is_stored() -> None:
    store = MemoryStore()
    notes = OperatorNotes(store, process="voice-0", node="n1")
    at = datetime(2026, 11, 28, tzinfo=UTC)
    for up in (True, False):
        notes.trunk_changed(TrunkState(trunk="carrier", up=up, since=at))
    await notes.save()
    assert [(node, state.up) for node, state in await store.trunk_states()] == [("n1", False)]
