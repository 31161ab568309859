"""Routing: the longest matching prefix among the routes that the sub-account may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from offhook.config import RouteSection
from offhook.session.tenancy import SubAccount


def trunks_for(
    destination: str,
    sub_account: SubAccount,
    routes: Sequence[RouteSection],
    country_of: Callable[[str], str | None],
) -> tuple[str, ...]:
    """Names of the trunks to try, in order; empty: no coverage (-2004).

    Of two routes with the same prefix the first in the file counts; a route that the sub-account may not
    use is ignored.

    ``destination`` is E.164 with ``+``. ``country_of`` gives a number's ISO 3166-1 alpha-2 code.
    """
    if not covered(destination, sub_account.coverage, country_of):
        return ()
    digits = destination.lstrip("+")
    best: RouteSection | None = None
    for route in routes:
        prefix = route.prefix.lstrip("+")
        open_to = route.subaccounts is None or sub_account.sub_account_id in route.subaccounts
        longer = best is None or len(prefix) > len(best.prefix.lstrip("+"))
        if open_to and longer and digits.startswith(prefix):
            best = route
    return best.trunks if best is not None else ()


def why_not_routed(
    destination: str, sub_account: SubAccount, country_of: Callable[[str], str | None]
) -> str:
    """Which rule keeps the sub-account from calling ``destination``, for the operator; without the number."""
    country = country_of(destination) or "country unknown"
    if not covered(destination, sub_account.coverage, country_of):
        allowed = ", ".join(sub_account.coverage or ()) or "nothing"
        return f"the destination ({country}) is not in the sub-account's coverage: {allowed}"
    return f"no route: no prefix of [[routes]] leads to the destination ({country})"


def covered(
    destination: str,
    coverage: Sequence[str] | None,
    country_of: Callable[[str], str | None],
) -> bool:
    """Whether ``coverage`` (ISO countries, ``+`` prefixes; None: all) holds ``destination``."""
    if coverage is None:
        return True
    prefixes = [entry for entry in coverage if entry.startswith("+")]
    if any(destination.startswith(prefix) for prefix in prefixes):
        return True
    return country_of(destination) in {entry for entry in coverage if not entry.startswith("+")}
