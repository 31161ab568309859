"""Which nodes count as silent, by the changes of their heartbeats and our own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from offhook.session.ports.record import NodeRole, NodeState
from offhook.webhooks.node_watch import LONGEST_GAP, OLD, SILENT_AFTER, NodeWatch

NOW = datetime(2026, 11, 28, tzinfo=UTC)
STEP = 5.0


class World:
    """A watch, and a node that beats or does not."""

    def __init__(self, heartbeat_at: datetime = NOW) -> None:
        self.node = NodeState(name="n1", role=NodeRole.VOICE, epoch=1, heartbeat_at=heartbeat_at)
        self.watch = NodeWatch()
        self.at = 0.0

    def look(self, after: float = STEP) -> list[bool]:
        """What is said of the node ``after`` seconds."""
        self.at += after
        now = NOW + timedelta(seconds=self.at)
        return [news.silent for news in self.watch.look([self.node], now, self.at)]

    def beat(self, at: datetime | None) -> None:
        self.node = msgspec.structs.replace(self.node, heartbeat_at=at)


def test_a_node_that_beats_is_never_silent_whatever_its_clock_says() -> None:
    world = World()
    for hours in (0, -3, 5, 0):
        world.beat(NOW + timedelta(hours=hours, seconds=world.at))
        assert True not in world.look(10)


def test_a_node_whose_heartbeat_stays_is_silent_after_a_while_and_then_back() -> None:
    world = World()
    looks = int(SILENT_AFTER / STEP)
    assert [world.look() for _ in range(looks)] == [[]] * looks
    assert world.look() == [True]
    world.beat(NOW + timedelta(seconds=world.at))
    assert world.look() == [False]
    assert world.look() == []


def test_a_node_that_has_retired_is_not_silent() -> None:
    world = World()
    world.look()
    world.beat(None)
    assert [world.look() for _ in range(5)] == [[False]] * 5


def test_a_node_that_was_dead_for_long_is_not_told() -> None:
    world = World(NOW - OLD - timedelta(seconds=1))
    assert [world.look() for _ in range(5)] == [[]] * 5


def test_after_the_database_was_away_each_node_has_its_time_again() -> None:
    world = World()
    world.look()
    assert world.look(LONGEST_GAP + 60) == []
    assert world.look() == []
    assert [world.look() for _ in range(2)] == [[], [True]]
