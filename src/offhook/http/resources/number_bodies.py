"""A virtual number as the operator's API takes and shows it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

from offhook import config
from offhook.http.refusals import INVALID, Refused
from offhook.http.resources.session_views import View
from offhook.session.tenancy import VirtualNumber
from offhook.session.usage_totals import amount


class NumberSettings(View, frozen=True, kw_only=True):
    """What the operator decides about a number."""

    reference_id: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    active: bool = True
    record_inbound: bool = False
    """Record every session that begins with a call to this number."""
    number_type: config.NumberType | None = None
    """Absent: as the numbering plan of its country says."""
    expires: config.Day | None = None
    """The first day (UTC) on which it is not the sub-account's any more."""
    rental_price: config.Money = "0"
    """For a month."""
    incoming_rate: config.Money | None = None
    """For a minute of a call to it; absent: that of the rates."""
    billing_unit: config.BillingSeconds | None = None
    """Seconds in which calls to it are billed; absent: the increment of the rates."""
    billing_currency: config.Currency | None = None
    """Absent: the currency of the rates."""
    trunk: config.Name | None = None
    """Over which it is reached; absent: the trunks of the route to it."""
    health_check: bool = True
    """Whether the state of its trunk counts for its status."""
    test_call_every: config.TestCallSeconds | None = None
    """Seconds between two test calls to it; absent: none."""
    unverified_callers: config.UnverifiedCallers = config.UnverifiedCallers.ACCEPT
    """Calls to it with a caller that STIR/SHAKEN does not vouch for: accepted, refused where the signature
    does not hold, or refused without a signature too."""


class NumberBody(NumberSettings, frozen=True, kw_only=True):
    """A number the sub-account owns."""

    msisdn: config.Msisdn


def number_of(msisdn: str, body: NumberSettings, where: str = "") -> VirtualNumber:
    """The number. Raises a 422 :class:`.Refused` for a day that is none; ``where`` is before its name."""
    members = {name: getattr(body, name) for name in NumberSettings.__struct_fields__}
    for name in ("rental_price", "incoming_rate"):
        members[name] = Decimal(members[name]) if members[name] is not None else None
    if body.expires is not None:
        try:
            members["expires"] = date.fromisoformat(body.expires)
        except ValueError:
            raise Refused(INVALID, f"{where}expires: is no day of the calendar") from None
    return VirtualNumber(msisdn=msisdn, **members)


def body_of(number: VirtualNumber) -> NumberBody:
    """The number as it is shown."""
    members = {name: getattr(number, name) for name in NumberSettings.__struct_fields__}
    for name in ("rental_price", "incoming_rate"):
        members[name] = amount(members[name]) if members[name] is not None else None
    if number.expires is not None:
        members["expires"] = number.expires.isoformat()
    return NumberBody(msisdn=number.msisdn, **members)
