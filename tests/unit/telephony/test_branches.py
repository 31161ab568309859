"""All phones of a user ring; the first answer counts, and the best refusal of all."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from offhook.sip import Answered, AnyEvent, Ended, EndedBy, Provisional, Rejected
from offhook.telephony.branches import Branches
from offhook.telephony.endpoint import SipEndpoint


class World:
    """Branches of two phones, over an endpoint that notes what it is told."""

    def __init__(self, *handles: str) -> None:
        self.told: list[tuple[str, str]] = []
        self.events: list[AnyEvent] = []
        listeners: dict[str, Any] = {}
        agent = SimpleNamespace(
            cancel=lambda handle, _now: self.told.append(("cancel", handle)),
            bye=lambda handle, _now: self.told.append(("bye", handle)),
            abandon=lambda handle, _now: self.told.append(("abandon", handle)),
        )

        class Command:
            def __enter__(self) -> tuple[Any, float]:
                return agent, 1.0

            def __exit__(self, *_error: object) -> None:
                return

        endpoint = SimpleNamespace(
            listen=listeners.__setitem__, command=Command, heard_from=lambda handle: handle == "b"
        )
        self._listeners = listeners
        self.branches = Branches(cast(SipEndpoint, endpoint), self.events.append, handles)

    def happens(self, event: AnyEvent) -> None:
        self._listeners[event.handle](event)

    def refuses(self, handle: str, status: int, *, local: bool = False) -> None:
        self.happens(Rejected(handle=handle, status=status, reason="", local=local))

    def answers(self, handle: str) -> None:
        self.happens(Answered(handle=handle, at=1.0))


def statuses(world: World) -> list[int]:
    return [event.status for event in world.events if isinstance(event, Rejected)]


def test_the_first_answer_counts_and_the_others_are_canceled() -> None:
    world = World("a", "b", "c")
    world.happens(Provisional(handle="a", status=180))
    world.answers("b")
    assert world.told == [("cancel", "a"), ("cancel", "c")]
    world.refuses("a", 487)
    world.refuses("c", 487)
    world.happens(Ended(handle="b", by=EndedBy.REMOTE))
    assert [type(event) for event in world.events] == [Provisional, Answered, Ended]
    world.branches.bye()
    assert world.told[-1] == ("bye", "b")


def test_an_answer_that_crosses_our_cancel_is_hung_up() -> None:
    world = World("a", "b")
    world.answers("a")
    world.answers("b")
    assert world.told == [("cancel", "b"), ("bye", "b")]
    assert len(world.events) == 1


@pytest.mark.parametrize(
    ("refusals", "best"),
    [
        ([(486, False), (480, False)], 486),
        ([(503, False), (486, False)], 486),
        ([(408, True), (503, False)], 503),
        ([(404, False), (600, False)], 600),
        ([(408, True), (408, True)], 408),
    ],
)
def test_the_best_refusal_is_that_of_all(refusals: list[tuple[int, bool]], best: int) -> None:
    world = World("a", "b")
    for handle, (status, local) in zip("ab", refusals, strict=True):
        assert statuses(world) == []
        world.refuses(handle, status, local=local)
    assert statuses(world) == [best]


def test_a_phone_that_declines_for_all_ends_the_ringing() -> None:
    world = World("a", "b")
    world.refuses("a", 603)
    assert world.told == [("cancel", "b")]
    world.refuses("b", 487)
    assert statuses(world) == [603]


def test_giving_up_cancels_all() -> None:
    world = World("a", "b")
    assert world.branches.heard_from
    world.branches.cancel()
    world.branches.abandon()
    assert world.told == [("cancel", "a"), ("cancel", "b"), ("abandon", "a"), ("abandon", "b")]


def test_branches_that_are_left_are_canceled_and_say_no_more() -> None:
    world = World("a", "b")
    world.refuses("a", 486)
    world.branches.leave()
    assert world.told == [("cancel", "b")], "a is over"
    world.happens(Provisional(handle="b", status=180))
    world.answers("b")
    assert world.told[1:] == [("bye", "b")]
    assert world.events == []
    second = World("a", "b")
    second.branches.leave()
    second.refuses("a", 487)
    second.refuses("b", 487)
    assert second.events == []
