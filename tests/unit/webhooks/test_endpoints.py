"""Turns between endpoints, with time given by hand."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from tests.support.outbox import entry

from offhook.session.ports.record import Delivery
from offhook.webhooks.endpoints import (
    CATCH_UP_PAUSE,
    LONGEST_CATCH_UP_PAUSE,
    LONGEST_LINE,
    LONGEST_POSTPONEMENT,
    MOST_DOUBTFUL,
    PER_ENDPOINT,
    PER_SILENT_ENDPOINT,
    PER_UNPROVEN_ENDPOINT,
    DeliveryTarget,
    Endpoint,
    Endpoints,
    Held,
)


def held(session: str | None = None) -> Held:
    one = msgspec.structs.replace(entry(), session_id=session)
    return Held(Delivery(entry=one, attempts=0), DeliveryTarget("http://x/"), 0.0)


def fill(endpoints: Endpoints, name: str, count: int) -> Endpoint:
    endpoint = endpoints.get(name, "http://x/")
    for _ in range(count):
        endpoints.queue(endpoint, held())
    return endpoint


def taken(endpoints: Endpoints) -> list[Endpoint]:
    started = []
    while found := endpoints.next():
        started.append(found[0])
    return started


def test_turns_alternate_however_long_the_lines_are() -> None:
    endpoints = Endpoints()
    long = fill(endpoints, "long", 100)
    short = fill(endpoints, "short", 2)
    assert taken(endpoints)[:4] == [long, short, long, short]


def test_an_endpoint_runs_up_to_its_limit_and_goes_on_as_they_end() -> None:
    endpoints = Endpoints()
    endpoint = fill(endpoints, "one", 100)
    first = endpoints.next()
    assert first is not None
    assert len(taken(endpoints)) == PER_UNPROVEN_ENDPOINT - 1
    endpoint.learn(0.01, answered=True)
    endpoints.ended(*first)
    assert len(taken(endpoints)) == PER_ENDPOINT - PER_UNPROVEN_ENDPOINT + 1


def test_no_delivery_is_lost_or_doubled_between_the_lines() -> None:
    endpoints = Endpoints()
    for name in ("a", "b", "c"):
        fill(endpoints, name, 25)
    seen: Counter[str] = Counter()
    while found := endpoints.next():
        seen[found[1].delivery.entry.delivery_id] += 1
        endpoints.ended(*found)
    assert len(seen) == 75
    assert set(seen.values()) == {1}


def test_a_slow_endpoint_gets_fewer_at_once_and_one_that_is_silent_fewest() -> None:
    endpoint = Endpoint()
    assert endpoint.limit == PER_UNPROVEN_ENDPOINT
    endpoint.learn(0.01, answered=True)
    assert endpoint.limit == PER_ENDPOINT
    for _ in range(30):
        endpoint.learn(2.0, answered=True)
    assert endpoint.limit == PER_ENDPOINT // 2
    endpoint.learn(10.0, answered=False)
    assert endpoint.limit == PER_SILENT_ENDPOINT
    endpoint.learn(0.01, answered=True)
    assert endpoint.limit == PER_ENDPOINT, "its time-outs say nothing about its speed now"


def test_a_line_takes_what_can_be_sent_within_the_lease() -> None:
    endpoint = Endpoint()
    for _ in range(60):
        endpoint.learn(10.0, answered=False)
    while endpoint.takes(40.0):
        endpoint.waiting += 1
    assert endpoint.waiting in (4, 5)  # one at a time, 10 s each, 40 s
    quick = Endpoint()
    quick.learn(0.001, answered=True)
    while quick.takes(40.0):
        quick.waiting += 1
    assert quick.waiting == LONGEST_LINE


def test_postponed_deliveries_get_slots_one_behind_the_other() -> None:
    endpoint = Endpoint()
    for _ in range(60):
        endpoint.learn(8.0, answered=False)
    waits = [endpoint.postpone(100.0) for _ in range(200)]
    assert waits == sorted(waits)
    assert 1.0 < waits[0] < 9.5
    assert waits[1] - waits[0] == pytest.approx(8.0, rel=0.01)
    assert waits[-1] == LONGEST_POSTPONEMENT


def failing(times: int, retry_after: float | None = None) -> Endpoint:
    endpoint = Endpoint()
    for _ in range(times):
        endpoint.failed(0.0, retry_after)
    return endpoint


def test_an_endpoint_that_was_down_and_succeeds_lets_what_waits_fall_due_once() -> None:
    endpoint = failing(2)
    assert endpoint.succeeded(1.0)
    assert not endpoint.succeeded(1.1)


def test_one_failure_is_not_down() -> None:
    assert not failing(1).succeeded(1.0)
    assert not failing(0).succeeded(1.0)


def test_what_was_postponed_while_it_was_silent_falls_due_in_any_case() -> None:
    endpoint = Endpoint()
    endpoint.learn(10.0, answered=False)
    endpoint.postpone(1.0)
    assert endpoint.succeeded(2.0)
    assert endpoint.postpone(3.0) < 20, "the slots begin anew"


def test_an_endpoint_that_came_back_is_up_and_its_old_failures_count_no_more() -> None:
    endpoint = failing(2)
    assert endpoint.succeeded(1.0)
    assert not endpoint.succeeded(1e5)
    endpoint.failed(2e5, None)
    assert not endpoint.succeeded(2e5), "one failure since then"
    silent = Endpoint()
    silent.learn(10.0, answered=False)
    silent.postpone(1.0)
    assert silent.succeeded(2.0)
    silent.learn(0.1, answered=True)
    silent.postpone(3.0)
    assert not silent.succeeded(1e5), "it was only busy"


def test_a_failure_long_before_the_success_is_no_part_of_the_next_time() -> None:
    endpoint = failing(1)
    assert not endpoint.succeeded(1.0)
    endpoint.failed(2.0, None)
    assert not endpoint.succeeded(3.0)


def test_a_retry_after_is_waited_for() -> None:
    endpoint = failing(2, retry_after=60.0)
    assert not endpoint.succeeded(59.0)
    endpoint.failed(70.0, None)
    endpoint.failed(70.0, None)
    assert endpoint.succeeded(71.0)


def test_an_endpoint_that_fails_again_and_again_does_not_undo_the_back_off() -> None:
    endpoint = Endpoint()
    early = 0
    for second in range(3600):
        endpoint.failed(float(second), None)
        endpoint.failed(float(second), None)
        early += endpoint.succeeded(second + 0.5)
    assert early <= 8  # after 30 s, 60 s, 120 s …
    endpoint.failed(1e6, None)
    endpoint.failed(1e6, None)
    at = 1e6 + LONGEST_CATCH_UP_PAUSE
    assert endpoint.succeeded(at)
    endpoint.failed(at, None)
    endpoint.failed(at, None)
    assert endpoint.succeeded(at + CATCH_UP_PAUSE), "after a long quiet time it begins anew"


def test_what_one_session_tells_is_told_one_after_the_other() -> None:
    endpoints = Endpoints()
    endpoint = endpoints.get("one", "http://x/")
    first, second, third, other = held("s"), held("s"), held("s"), held("t")
    for one in (first, second, third, other):
        endpoints.queue(endpoint, one)
    assert endpoints.next() == (endpoint, first)
    assert endpoints.next() == (endpoint, other)
    assert endpoints.next() is None
    endpoints.ended(endpoint, first)
    assert endpoints.next() == (endpoint, second)
    endpoints.ended(endpoint, second)
    endpoints.ended(endpoint, other)
    assert endpoints.next() == (endpoint, third)
    endpoints.ended(endpoint, third)
    assert (endpoint.behind, endpoint.waiting, endpoint.running) == ({}, 0, 0)


def test_clearing_gives_back_all_that_waits() -> None:
    endpoints = Endpoints()
    fill(endpoints, "a", 3)
    b = fill(endpoints, "b", 2)
    endpoints.queue(b, held("s"))
    endpoints.queue(b, held("s"))
    assert len(endpoints.clear()) == 7
    assert endpoints.next() is None
    fill(endpoints, "a", 1)
    assert endpoints.next() is not None


def test_idle_endpoints_are_forgotten_and_busy_ones_kept() -> None:
    endpoints = Endpoints()
    busy = fill(endpoints, "busy", 1)
    for number in range(20_000):
        endpoints.get(str(number), "http://x/")
    assert endpoints.get("busy", "http://x/") is busy
    assert len(endpoints._endpoints) <= 10_001


def silent(endpoints: Endpoints, count: int) -> None:
    """Endpoints that did not answer last, each with deliveries waiting."""
    for number in range(count):
        fill(endpoints, f"silent {number}", 3).learn(10.0, answered=False)


def test_silent_endpoints_together_leave_room_for_those_that_answer() -> None:
    endpoints = Endpoints()
    silent(endpoints, MOST_DOUBTFUL + 200)
    assert len(taken(endpoints)) == MOST_DOUBTFUL
    proven = endpoints.get("proven", "http://x/")
    proven.learn(0.01, answered=True)
    fill(endpoints, "proven", 100)
    assert taken(endpoints) == [proven] * PER_ENDPOINT


def test_a_silent_endpoint_has_its_turn_when_another_one_ends() -> None:
    endpoints = Endpoints()
    silent(endpoints, MOST_DOUBTFUL + 1)
    running = [found for _ in range(MOST_DOUBTFUL) if (found := endpoints.next())]
    assert endpoints.next() is None
    endpoints.ended(*running[0])
    assert endpoints.next() is not None
    assert endpoints.next() is None


def test_an_endpoint_that_answers_for_the_first_time_no_longer_waits_with_the_silent_ones() -> None:
    endpoints = Endpoints()
    new = fill(endpoints, "new", 20)
    first = endpoints.next()
    silent(endpoints, MOST_DOUBTFUL + 1)
    taken(endpoints)
    assert first is not None
    waiting = new.waiting
    new.learn(0.01, answered=True)
    endpoints.ended(*first)
    assert taken(endpoints).count(new) == waiting


def test_an_endpoint_that_falls_silent_while_it_waits_counts_as_silent() -> None:
    endpoints = Endpoints()
    falling = endpoints.get("falling", "http://x/")
    falling.learn(0.01, answered=True)
    fill(endpoints, "falling", 5)
    silent(endpoints, MOST_DOUBTFUL)
    falling.learn(10.0, answered=False)
    assert len(taken(endpoints)) == MOST_DOUBTFUL


def test_neither_kind_waits_for_the_other_while_there_is_room() -> None:
    endpoints = Endpoints()
    silent(endpoints, 3)
    proven = endpoints.get("proven", "http://x/")
    proven.learn(0.01, answered=True)
    fill(endpoints, "proven", 3)
    kinds = [endpoint is proven for endpoint in taken(endpoints)]
    assert len(kinds) == 6
    assert kinds[0] is not kinds[1]
    assert kinds[2] is not kinds[3]
