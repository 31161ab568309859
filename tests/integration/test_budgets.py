"""A budget that is spent: calls under way go on, nothing more is dialled. Real calls over loopback."""

from __future__ import annotations

from datetime import datetime

from tests.support.node_world import ANSWERS, SOURCE, SwitchedSpending, world

from offhook import config
from offhook.codes import RuntimeCode, SessionStatus
from offhook.flow.actions import Hangup, MakeCall, Say
from offhook.session.tenancy import SubAccount

REASON = "the budget of the day is spent: 10 minutes"
CALL = MakeCall(source=SOURCE, destination=ANSWERS)
SPEAK = Say(text="Hello.", language="en-US")


class SpentDuringTheCall(SwitchedSpending):
    """Leg A may be dialled, nothing after it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        self.asked += 1
        return REASON if self.asked > 1 else None


async def test_a_further_leg_ends_2010_after_what_was_under_way() -> None:
    async with world(spending=SpentDuringTheCall()) as running:
        session = await running.run(CALL, SPEAK, CALL, Hangup())
    assert session.status is SessionStatus.ERROR
    assert session.error is not None
    assert (session.error.code, session.error.reason) == (RuntimeCode.CAPACITY_EXCEEDED, REASON)
    first, second = session.legs
    assert first.connected_at is not None
    assert (second.connected_at, second.sip_code, second.trunk) == (None, 503, None)


async def test_a_call_that_ends_is_priced_counted_and_its_texts_measured() -> None:
    prices = (config.RatePrice(prefix="+1", price="0.6", increment="60+60"),)
    async with world(rates=config.RatesSection(currency="EUR", prices=prices)) as running:
        session = await running.run(CALL, SPEAK, SPEAK, Hangup())
        (charge,) = [leg.charge for leg in session.legs]
        day = session.created_at.date()
        (used,) = await running.store.usage(day, day)
    assert charge is not None
    assert (str(charge.total), charge.currency, charge.billable_seconds) == ("0.600000", "EUR", 60)
    assert session.tts_length == 2 * len("Hello.")
    assert (used.calls, used.answered, used.billable_seconds, str(used.cost)) == (1, 1, 60, "0.6")
