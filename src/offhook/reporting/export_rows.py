"""The rows of the call log: one for each call (leg), in the 35 columns of ``spec/api.md``.

``phonenumbers`` knows countries and operators from tables of 100 MB, so this module is for the exporting
process only. Operators are those that a number's prefix was given to; a number may have moved since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec
import phonenumbers
from phonenumbers import PhoneNumberType, carrier, geocoder

from offhook.flow.numbers import calling_code, country_of
from offhook.reporting.networks import MCC, MNC
from offhook.session.billing import BILLING_UNIT, Tariff
from offhook.session.session import Leg, Session
from offhook.session.tenancy import SubAccount

Value = str | int | float | Decimal | datetime | None

COLUMNS = (
    "SessionId",
    "CallId",
    "AccountId",
    "SubAccountId",
    "Direction",
    "SourceCountryCode",
    "SourceCountry",
    "SourceOperator",
    "SourceMCC",
    "SourceMNC",
    "SourceEndpoint",
    "DestinationCountryCode",
    "DestinationCountry",
    "DestinationOperator",
    "DestinationMCC",
    "DestinationMNC",
    "DestinationEndpoint",
    "InitiatedAt",
    "ConnectedAt",
    "DisconnectedAt",
    "DurationInSec",
    "Product",
    "BillingUnit",
    "BillingIncrement",
    "BillableDurationInSec",
    "UnitPrice",
    "UnitPriceCurrency",
    "TotalPriceOfCall",
    "CallType",
    "SipStatus",
    "SessionStatus",
    "CallStatus",
    "TTSLength",
    "MOS",
    "Content",
)
PRODUCT = "VOICE"
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_LANGUAGE = "en"


class NumberOrigin(NamedTuple):
    """What a number says of its country and operator; None where it says nothing."""

    calling_code: str | None = None
    country: str | None = None
    operator: str | None = None
    mcc: str | None = None
    mnc: str | None = None


@lru_cache(maxsize=65_536)
def origin_of(number: str) -> NumberOrigin:
    """The country and operator of an E.164 number with ``+``; nothing for anything else."""
    region = country_of(number)
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return NumberOrigin()
    operator = carrier.name_for_number(parsed, _LANGUAGE) or None
    mobile = phonenumbers.number_type(parsed) in _MOBILE
    return NumberOrigin(
        calling_code(number),
        geocoder.country_name_for_number(parsed, _LANGUAGE) or None,
        operator,
        MCC.get(region or "") if mobile else None,
        MNC.get((region or "", operator or "")) if mobile else None,
    )


class CallLog:
    """Makes the rows of sessions."""

    def __init__(self, tariff: Tariff, sub_account: Callable[[str], SubAccount | None]) -> None:
        self._tariff = tariff
        self._sub_account = sub_account

    def rows(self, session: Session) -> Iterator[tuple[Value, ...]]:
        """The rows of a session; none before it has ended."""
        if not session.status.final:
            return
        owner = self._sub_account(session.sub_account_id)
        account = owner.account_id if owner is not None else None
        for index, leg in enumerate(session.legs):
            yield (
                session.session_id,
                leg.call_id,
                account,
                session.sub_account_id,
                leg.direction.value,
                *origin_of(leg.source),
                leg.source,
                *origin_of(leg.destination),
                leg.destination,
                leg.initiated_at,
                leg.connected_at,
                leg.disconnected_at,
                leg.connected_seconds,
                PRODUCT,
                BILLING_UNIT,
                *self._billing(session, leg),
                leg.call_type,
                leg.sip_code,
                session.status.value,
                leg.status.value if leg.status is not None else None,
                session.tts_length if index == 0 else 0,
                leg.quality.mos if leg.quality is not None else None,
                _content(session) if index == 0 else None,
            )

    def _billing(self, session: Session, leg: Leg) -> tuple[Value, ...]:
        """Increment, billed seconds, price of a minute, currency, total."""
        charge = leg.charge or self._tariff.charge_of(session.sub_account_id, leg)
        return (
            charge.increment,
            charge.billable_seconds,
            charge.unit_price,
            charge.currency,
            charge.total,
        )


def _content(session: Session) -> str | None:
    """The callflow of a session that belongs to a batch."""
    if session.client_batch_id is None:
        return None
    return msgspec.json.encode(session.callflow.actions).decode()
