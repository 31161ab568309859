"""What a call costs: rates by prefix, billing increments, exact decimals.

Pure. Money is :class:`~decimal.Decimal`, never a float: ``0.1 + 0.2`` must be ``0.3``. A call is priced when
its session ends, with the rates of that moment, and keeps that price.

The rule. The connected time counts in whole seconds, an answered call at least one. An increment of ``30+6``
bills the first 30 seconds whole and then each 6 seconds begun. The price is the rate per minute times the
billed seconds, divided by 60 and rounded half up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import NamedTuple

import msgspec

from offhook import config
from offhook.session.session import Charge, Direction, Leg, Session
from offhook.session.tenancy import SubAccount, VirtualNumber

BILLING_UNIT = 60
"""Seconds that a rate is the price of."""
_EXACT = Context(prec=60)
"""More digits than a price, its seconds and the division need."""


class Increment(NamedTuple):
    """The steps in which time is billed, in seconds."""

    first: int
    following: int

    @classmethod
    def of(cls, text: str) -> Increment:
        """From ``60+60``. Raises ValueError for other forms."""
        first, _, following = text.partition("+")
        return cls(int(first), int(following))

    def billed(self, seconds: int) -> int:
        """The seconds that are billed for so many connected ones; 0 for 0."""
        if seconds <= 0:
            return 0
        if seconds <= self.first:
            return self.first
        steps = -(-(seconds - self.first) // self.following)
        return self.first + steps * self.following

    def __str__(self) -> str:
        return f"{self.first}+{self.following}"


class Rate(NamedTuple):
    """What applies to a call."""

    increment: Increment
    price: Decimal | None = None
    """Per minute; None: there is no rate."""
    currency: str | None = None

    def charge(self, seconds: int, decimals: int) -> Charge:
        """The charge of a call that was connected for ``seconds`` (0: not at all)."""
        billed = self.increment.billed(seconds)
        return Charge(
            increment=str(self.increment),
            billable_seconds=billed,
            currency=self.currency,
            unit_price=self.price,
            total=None if self.price is None else price_of(self.price, billed, decimals),
        )


def price_of(per_minute: Decimal, seconds: int, decimals: int) -> Decimal:
    """The price of so many billed seconds, rounded half up to ``decimals`` places."""
    exact = _EXACT.divide(_EXACT.multiply(per_minute, Decimal(seconds)), Decimal(BILLING_UNIT))
    return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_EXACT)


class Tariff:
    """The configured rates."""

    def __init__(
        self, rates: config.RatesSection, sub_account: Callable[[str], SubAccount | None]
    ) -> None:
        self._sub_account = sub_account
        self.use(rates)

    def use(self, rates: config.RatesSection) -> None:
        """Use these rates for the calls that end from now on."""
        self._rates = rates

    def charged(self, session: Session) -> Session:
        """A session that has ended, with the charge of each call that was connected."""
        legs = tuple(self._charged(session.sub_account_id, leg) for leg in session.legs)
        return msgspec.structs.replace(session, legs=legs)

    def _charged(self, sub_account_id: str, leg: Leg) -> Leg:
        if leg.connected_at is None or leg.charge is not None:
            return leg
        return msgspec.structs.replace(leg, charge=self.charge_of(sub_account_id, leg))

    def charge_of(self, sub_account_id: str, leg: Leg) -> Charge:
        """The charge of a call by the rates of this moment."""
        seconds = 0 if leg.connected_at is None else max(1, leg.connected_seconds)
        return self.rate_for(sub_account_id, leg).charge(seconds, self._rates.decimals)

    def rate_for(self, sub_account_id: str, leg: Leg) -> Rate:
        """The rate of a call: that of the number that is called."""
        return self.rate_of(sub_account_id, leg.direction, leg.destination)

    def rate_of(self, sub_account_id: str, direction: Direction, called: str) -> Rate:
        """The rate of calls in this direction to a number (E.164 with ``+``)."""
        if direction is Direction.INBOUND:
            own = self._rate_of_number(sub_account_id, called)
            if own is not None:
                return own
        wanted = "inbound" if direction is Direction.INBOUND else "outbound"
        digits = called.removeprefix("+")
        best: config.RatePrice | None = None
        for price in self._rates.prices:
            open_to = price.subaccounts is None or sub_account_id in price.subaccounts
            longer = best is None or len(_digits(price)) > len(_digits(best))
            if (
                price.direction == wanted
                and open_to
                and longer
                and digits.startswith(_digits(price))
            ):
                best = price
        if best is None:
            return Rate(Increment.of(self._rates.increment))
        return Rate(
            Increment.of(best.increment or self._rates.increment),
            Decimal(best.price),
            best.currency or self._rates.currency,
        )

    @property
    def currency(self) -> str:
        """The currency of rates that name none."""
        return self._rates.currency

    def _rate_of_number(self, sub_account_id: str, msisdn: str) -> Rate | None:
        """The rate of calls to one of the sub-account's numbers; None: it has none of its own."""
        sub_account = self._sub_account(sub_account_id)
        numbers: Sequence[VirtualNumber] = () if sub_account is None else sub_account.numbers
        number = next((each for each in numbers if each.msisdn == msisdn), None)
        if number is None or number.incoming_rate is None:
            return None
        unit = number.billing_unit
        increment = Increment(unit, unit) if unit else Increment.of(self._rates.increment)
        return Rate(
            increment, number.incoming_rate, number.billing_currency or self._rates.currency
        )


def _digits(price: config.RatePrice) -> str:
    return price.prefix.removeprefix("+")
