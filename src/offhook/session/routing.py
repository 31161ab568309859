"""Routing: the longest matching prefix among the routes that the sub-account may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from offhook.config import RouteSection, SipUserSection
from offhook.session.tenancy import SubAccount

_USER = "user:"
"""How the route to the phones of a user begins: no trunk's name has a colon."""


def user_route(username: str) -> str:
    """What stands in the place of a trunk's name where a call goes to, or comes from, a user's phones."""
    return f"{_USER}{username}"


def user_of_route(route: str) -> str | None:
    """The user of a route; None: it is a trunk's name."""
    return route.removeprefix(_USER) if route.startswith(_USER) else None


def user_for(
    destination: str, sub_account: SubAccount, users: Iterable[SipUserSection]
) -> SipUserSection | None:
    """The user that ``destination`` rings, whatever routes and coverage say; None: it is nobody's number."""
    for user in users:
        mine = user.subaccounts is None or sub_account.sub_account_id in user.subaccounts
        if user.number == destination and mine:
            return user
    return None


def trunks_for(
    destination: str,
    sub_account: SubAccount,
    routes: Sequence[RouteSection],
    country_of: Callable[[str], str | None],
    users: Sequence[SipUserSection] = (),
) -> tuple[str, ...]:
    """Names of the trunks to try, in order; empty: no coverage (-2004).

    Of two routes with the same prefix the first in the file counts; a route that the sub-account may not
    use is ignored.

    ``destination`` is E.164 with ``+``. ``country_of`` gives a number's ISO 3166-1 alpha-2 code.
    """
    if (user := user_for(destination, sub_account, users)) is not None:
        return (user_route(user.username),)
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


def live_first(trunks: Sequence[str], is_down: Callable[[str], bool]) -> tuple[str, ...]:
    """The trunks in their order, those that are down behind the others."""
    return tuple(sorted(trunks, key=is_down))


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
