"""Topics, patterns and who hears them; the fabric of a single process."""

from __future__ import annotations

import asyncio

import pytest

from offhook.fabric.memory import MemoryFabric
from offhook.fabric.subscriptions import Subscriptions, checked, patterns_of


def test_the_patterns_that_hear_a_topic() -> None:
    assert list(patterns_of("session.a.events")) == [
        "session.a.events",
        "session.a.*",
        "session.*",
    ]
    assert list(patterns_of("queue")) == ["queue"]


@pytest.mark.parametrize("topic", ["queue", "session.0192-ab.events", "a_b.*", "x" * 255])
def test_good_topics(topic: str) -> None:
    assert checked(topic) == topic


@pytest.mark.parametrize(
    "topic", ["", ".", "a.", "a..b", "a b", "*.a", "a*", "é", "a\n", "a>", "x" * 256]
)
def test_bad_topics(topic: str) -> None:
    with pytest.raises(ValueError):
        checked(topic)


def test_first_and_last_listener_of_a_pattern_are_told() -> None:
    told: list[tuple[str, str]] = []
    subscriptions = Subscriptions(
        on_first=lambda pattern: told.append(("first", pattern)),
        on_none=lambda pattern: told.append(("none", pattern)),
    )
    removes = [subscriptions.add("a.*", lambda topic, message: None) for _ in range(2)]
    assert told == [("first", "a.*")]
    assert "a.*" in subscriptions
    removes[0]()
    removes[0]()
    assert told == [("first", "a.*")]
    removes[1]()
    assert told == [("first", "a.*"), ("none", "a.*")]
    assert subscriptions.patterns == ()


def test_a_listener_may_unsubscribe_while_it_is_called() -> None:
    subscriptions = Subscriptions()
    heard: list[str] = []

    def once(topic: str, message: bytes) -> None:
        heard.append(topic)
        remove()

    remove = subscriptions.add("a", once)
    subscriptions.add("a", lambda topic, message: heard.append("other"))
    subscriptions.dispatch("a", b"")
    subscriptions.dispatch("a", b"")
    assert heard == ["a", "other", "other"]


async def test_memory_never_calls_back_from_within() -> None:
    fabric = MemoryFabric()
    heard: list[tuple[str, bytes]] = []
    fabric.subscribe("session.*", lambda topic, message: heard.append((topic, message)))
    fabric.publish("session.a", b"before the start")
    await fabric.start()
    fabric.publish("session.a", b"1")
    fabric.publish("queue", b"2")
    assert heard == []
    await asyncio.sleep(0)
    assert heard == [("session.a", b"1")]
    await fabric.close()
    fabric.publish("session.a", b"after the end")
    await asyncio.sleep(0)
    assert heard == [("session.a", b"1")]
