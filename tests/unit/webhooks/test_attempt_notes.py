"""What the operator is told of the attempts at one endpoint."""

from __future__ import annotations

from typing import final

import msgspec
from tests.support.outbox import entry

from offhook.session.ports.record import Delivery, DeliveryState
from offhook.webhooks.attempt_notes import say
from offhook.webhooks.delivery_watch import DeliveryWatch
from offhook.webhooks.endpoints import DeliveryTarget, Endpoint, Held


@final
class Told(DeliveryWatch):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, ...]] = []

    def failing(self, sub_account_id: str, type_: str, host: str, detail: str) -> None:
        self.notes.append(("failing", sub_account_id, type_, host, detail))

    def recovered(self, sub_account_id: str, type_: str) -> None:
        self.notes.append(("recovered", sub_account_id, type_))

    def gave_up(self, sub_account_id: str, type_: str) -> None:
        self.notes.append(("gave up", sub_account_id, type_))


def told_of(*states: DeliveryState) -> list[tuple[str, ...]]:
    """What is told of attempts at one endpoint that end so."""
    one = msgspec.structs.replace(entry(), sub_account_id="acme", session_id="s")
    held = Held(Delivery(entry=one, attempts=0), DeliveryTarget("http://u:p@h.example/"), 0.0)
    endpoint, watch = Endpoint(), Told()
    for state in states:
        say(endpoint, held, state, "HTTP 500", watch)
    assert all(note[2] == one.type for note in watch.notes)
    return [(note[0], *note[3:]) for note in watch.notes]


FAILING = ("failing", "h.example", "HTTP 500")


def test_an_endpoint_that_fails_is_told_once_without_its_password() -> None:
    assert told_of(DeliveryState.PENDING, DeliveryState.PENDING) == [FAILING]


def test_an_endpoint_that_works_again_is_told_once() -> None:
    states = (DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.DELIVERED)
    assert told_of(*states) == [FAILING, ("recovered",)]


def test_each_delivery_that_is_given_up_is_told() -> None:
    assert told_of(DeliveryState.DEAD, DeliveryState.DEAD) == [FAILING, ("gave up",), ("gave up",)]
