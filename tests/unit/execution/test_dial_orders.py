"""What the phone line is told of a call to make."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.execution.flows import HANGUP, OUR_NUMBER, make_call, say

from offhook.session.ports.telephony import DialOrder
from offhook.testing import Offhook
from offhook.testing.simulated_line import SimulatedLine


def test_the_sub_accounts_own_number_stands_for_a_withheld_caller(
    offhook: Offhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[DialOrder] = []
    dial = SimulatedLine.dial

    def noted(self: SimulatedLine, order: DialOrder, *rest: Any) -> Any:
        orders.append(order)
        return dial(self, order, *rest)

    monkeypatch.setattr(SimulatedLine, "dial", noted)
    offhook.number(OUR_NUMBER)
    offhook.call([make_call(), say("Hello."), HANGUP])
    (order,) = orders
    assert (order.identity, order.source) == (OUR_NUMBER, "+6512341234")
    assert order.ring_timeout == 60
