"""Whether a trunk answers: from calls and from OPTIONS."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from offhook.clock import Clock, SystemClock
from offhook.session.ports.operating import TrunkState
from offhook.sip import OptionsAnswered
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.line_metrics import LineMetrics
from offhook.telephony.transports.locator import CannotLocate, Locator
from offhook.telephony.trunk_health import TrunkHealth, TrunkProbe
from offhook.telephony.trunks import Trunk


class World:
    """A health without a line, and an endpoint that only notes what it was asked."""

    def __init__(self, options_every: float = 30) -> None:
        self.now = 1000.0
        self.registry = CollectorRegistry()
        clock = SimpleNamespace(now=SystemClock().now, monotonic=lambda: self.now)
        self.told: list[TrunkState] = []
        metrics = LineMetrics(self.registry)
        self.health = TrunkHealth(cast(Clock, clock), metrics, self.told.append)
        self.asked: list[dict[str, Any]] = []
        agent = SimpleNamespace(options=lambda _, **order: self.asked.append(order))
        endpoint = SimpleNamespace(
            locator=Locator({("udp", False)}),
            advertised_host="192.0.2.1",
            command=lambda: nullcontext((agent, self.now)),
            listen=lambda _, listener: self.asked[-1].update(listener=listener),
        )
        trunk = Trunk(
            name="carrier",
            transport="udp",
            host="192.0.2.9",
            port=5060,
            options_every=options_every,
        )
        self.probe = TrunkProbe(
            cast(SipEndpoint, endpoint), self.health, lambda: {"carrier": trunk}, cast(Clock, clock)
        )

    def answered(self, status: int | None, problem: str | None = None) -> None:
        event = OptionsAnswered(handle="h", status=status, problem=problem)
        self.asked[-1]["listener"](event)

    def up(self) -> float | None:
        return self.registry.get_sample_value("offhook_trunk_up", {"trunk": "carrier"})


def test_only_changes_are_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    assert world.up() is None
    for _ in range(3):
        world.health.heard("carrier")
    for _ in range(3):
        world.health.silent("carrier", "no response from udp:192.0.2.9:5060 for 32 s")
    world.health.heard("carrier")
    assert [state.up for state in world.told] == [True, False, True]
    assert [(one.levelno, one.message) for one in caplog.records] == [
        (
            logging.WARNING,
            "trunk carrier is down: no response from udp:192.0.2.9:5060 for 32 s",
        ),
        (logging.WARNING, "trunk carrier is up again"),
    ]
    assert world.up() == 1


@pytest.mark.parametrize("status", [200, 401, 405, 503])
def test_any_answer_to_options_shows_that_it_is_up(status: int) -> None:
    world = World()
    world.probe.ask_due()
    assert world.asked[0]["request_uri"] == "sip:192.0.2.9:5060"
    world.answered(status)
    assert world.up() == 1


@pytest.mark.parametrize(
    ("problem", "detail"),
    [
        (None, "no response from udp:192.0.2.9:5060 for 32 s"),
        ("cannot look up sip.example", "cannot look up sip.example"),
    ],
)
def test_silence_shows_that_it_is_down(problem: str | None, detail: str) -> None:
    world = World()
    world.probe.ask_due()
    world.now += 32
    world.answered(None, problem)
    assert world.up() == 0
    assert world.told[0].detail == detail


def test_it_is_asked_again_once_the_time_has_passed_and_the_answer_came() -> None:
    world = World()
    world.probe.ask_due()
    world.now += 100
    world.probe.ask_due()
    assert len(world.asked) == 1
    world.answered(200)
    world.probe.ask_due()
    assert len(world.asked) == 2
    world.answered(200)
    world.now += 29
    world.probe.ask_due()
    assert len(world.asked) == 2


def test_without_options_every_nothing_is_sent() -> None:
    world = World(options_every=0)
    world.probe.ask_due()
    assert world.asked == []


def test_a_trunk_that_refuses_our_register_is_down_and_says_why() -> None:
    world = World()
    world.health.heard("carrier")
    world.health.registered("carrier", "REGISTER: 403 Forbidden")
    world.health.heard("carrier")
    assert [state.up for state in world.told] == [True, False]
    assert world.told[-1].detail == "REGISTER: 403 Forbidden"
    world.health.registered("carrier", None)
    assert [state.up for state in world.told] == [True, False, True]
    labels = {"trunk": "carrier"}
    assert world.registry.get_sample_value("offhook_trunk_registered", labels) == 1


def test_calls_avoid_a_silent_trunk_for_a_minute_where_no_options_ask() -> None:
    world = World()
    assert not world.health.avoided("carrier", asked_by_options=False)
    world.health.silent("carrier", "no response")
    assert world.health.avoided("carrier", asked_by_options=False)
    world.now += 59.0
    assert world.health.avoided("carrier", asked_by_options=False)
    world.now += 1.0
    assert not world.health.avoided("carrier", asked_by_options=False)
    assert world.health.avoided("carrier", asked_by_options=True)
    world.health.heard("carrier")
    assert not world.health.avoided("carrier", asked_by_options=True)


def test_calls_do_not_avoid_a_trunk_that_only_refuses_our_register() -> None:
    world = World()
    world.health.registered("carrier", "REGISTER: 403 Forbidden")
    assert not world.health.avoided("carrier", asked_by_options=True)


async def test_a_trunk_whose_name_is_not_found_is_asked_again_in_its_turn() -> None:
    world = World()
    looked_up: list[object] = []

    async def find(place: object) -> None:
        looked_up.append(place)
        raise CannotLocate("cannot look up sip.example")

    locator = SimpleNamespace(known=lambda _place: None, find=find)
    world.probe._endpoint.locator = cast(Locator, locator)
    for count in (1, 2):
        world.probe.ask_due()
        await asyncio.gather(*world.probe._looking_up)
        assert len(looked_up) == count
        world.now += 30
    assert world.told[0].detail == "cannot look up sip.example"


@pytest.mark.parametrize(
    ("status", "problem", "said", "up"),
    [(200, None, "", 1.0), (503, None, "", 1.0), (None, "unreachable", "unreachable", None)],
)
async def test_an_operator_asks_a_trunk_at_once(
    status: int | None, problem: str | None, said: str, up: float | None
) -> None:
    world = World(options_every=0)
    asked = asyncio.create_task(world.probe.ask_now("carrier", "n1"))
    while not world.asked or "listener" not in world.asked[-1]:
        await asyncio.sleep(0)
    world.now += 0.25
    world.answered(status, problem)
    answer = await asked
    assert answer is not None
    assert (answer.node, answer.status, answer.problem) == ("n1", status, said)
    assert answer.milliseconds == 250
    assert world.up() == up, "silence to one question is no sign that a trunk is down"
    assert await world.probe.ask_now("none", "n1") is None
