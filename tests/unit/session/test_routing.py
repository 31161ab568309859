"""The longest prefix wins; of equal ones the first in the file that is open to the sub-account."""

from __future__ import annotations

import pytest

from offhook.config import RouteSection
from offhook.session.routing import trunks_for, why_not_routed
from offhook.session.tenancy import SubAccount

ACME = SubAccount(sub_account_id="acme_corp", account_id="acme")


def route(prefix: str, trunk: str, *subaccounts: str) -> RouteSection:
    return RouteSection(prefix=prefix, trunks=(trunk,), subaccounts=subaccounts or None)


@pytest.mark.parametrize(
    ("routes", "trunk"),
    [
        ([route("", "any"), route("+65", "sg"), route("+6591", "mobile")], "mobile"),
        ([route("+6591", "mobile"), route("+65", "sg"), route("", "any")], "mobile"),
        ([route("+65", "first"), route("+65", "second")], "first"),
        ([route("+65", "first"), route("65", "second")], "first"),
        ([route("65", "first"), route("+65", "second")], "first"),
        ([route("", "first"), route("", "second")], "first"),
        ([route("+65", "closed", "other"), route("+65", "open")], "open"),
        ([route("+65", "open"), route("+65", "own", "acme_corp")], "open"),
        ([route("+6591", "closed", "other"), route("+65", "sg")], "sg"),
    ],
)
def test_which_route_is_taken(routes: list[RouteSection], trunk: str) -> None:
    assert trunks_for("+6591234567", ACME, routes, lambda number: "SG") == (trunk,)


def test_without_a_route_there_is_no_coverage() -> None:
    assert trunks_for("+6591234567", ACME, [route("+1", "us")], lambda number: "SG") == ()


@pytest.mark.parametrize(
    ("coverage", "why"),
    [
        (("US", "+44"), "the destination (SG) is not in the sub-account's coverage: US, +44"),
        ((), "the destination (SG) is not in the sub-account's coverage: nothing"),
        (("SG",), "no route: no prefix of [[routes]] leads to the destination (SG)"),
        (None, "no route: no prefix of [[routes]] leads to the destination (SG)"),
    ],
)
def test_the_rule_that_keeps_from_calling_is_named(
    coverage: tuple[str, ...] | None, why: str
) -> None:
    closed = SubAccount(sub_account_id="acme_corp", account_id="acme", coverage=coverage)
    assert why_not_routed("+6591234567", closed, lambda number: "SG") == why
