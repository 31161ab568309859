"""Every path leads to one place, and what the metrics call it comes from a bounded set."""

from __future__ import annotations

import pytest

from offhook.http.edge.paths import Area, CallflowEndpoint, place_of

SUB_ACCOUNT = "/api/v1/subaccounts/acme"


@pytest.mark.parametrize(
    ("path", "endpoint", "sub_account_id"),
    [
        (f"{SUB_ACCOUNT}/callflows", CallflowEndpoint.SUBMIT, "acme"),
        (f"{SUB_ACCOUNT}/calls", CallflowEndpoint.SUBMIT_CALL, "acme"),
        ("/api/v1/acme/calls", CallflowEndpoint.SUBMIT_CALL, "acme"),
        ("/api/v1/subaccounts/calls", CallflowEndpoint.SUBMIT_CALL, "subaccounts"),
        ("/api/v1/subaccounts/calls/calls", CallflowEndpoint.SUBMIT_CALL, "calls"),
        (f"{SUB_ACCOUNT}/callflows/validate", CallflowEndpoint.VALIDATE, "acme"),
        (f"{SUB_ACCOUNT}/sessions/7/callflows", CallflowEndpoint.REPLACE, "acme"),
        (f"{SUB_ACCOUNT}/sessions/7", None, "acme"),
        (f"{SUB_ACCOUNT}/sessions/7/8/callflows", None, "acme"),
        (SUB_ACCOUNT, None, "acme"),
    ],
)
def test_below_a_sub_account(
    path: str, endpoint: CallflowEndpoint | None, sub_account_id: str
) -> None:
    place = place_of(path)
    assert place.area is Area.SUB_ACCOUNT
    assert (place.endpoint, place.sub_account_id) == (endpoint, sub_account_id)


@pytest.mark.parametrize(
    ("path", "area", "route"),
    [
        ("/admin/v1", Area.ADMIN, "/admin/v1"),
        ("/admin/v1/keys/7", Area.ADMIN, "/admin/v1"),
        ("/admin/v1x", Area.UNKNOWN, "unknown"),
        ("/healthz", Area.PAGE, "/healthz"),
        ("/docs/codes/1001.md", Area.PAGE, "/docs/codes"),
        ("/docs/codes", Area.UNKNOWN, "unknown"),
        ("/healthz/", Area.UNKNOWN, "unknown"),
        ("/api/v1/acme/sessions", Area.UNKNOWN, "unknown"),
        ("/api/v1/acme/calls", Area.SUB_ACCOUNT, "/api/v1/{subAccountId}/calls"),
        ("/api/v1/subaccounts", Area.UNKNOWN, "unknown"),
        ("", Area.UNKNOWN, "unknown"),
    ],
)
def test_elsewhere(path: str, area: Area, route: str) -> None:
    place = place_of(path)
    assert (place.area, place.route) == (area, route)


def test_the_metrics_see_no_customers_words() -> None:
    route = place_of(f"{SUB_ACCOUNT}/anything/at/all").route
    assert route == "/api/v1/subaccounts/{subAccountId}/unknown"
