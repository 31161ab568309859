"""``/admin/v1/phones``: the phones that are registered; for the operator."""

from __future__ import annotations

from litestar import Router, get
from litestar.di import NamedDependency

from offhook.clock import iso_milliseconds
from offhook.http.deps import Deps
from offhook.http.edge.paths import ADMIN_PREFIX
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View


class RegisteredPhone(View, frozen=True, kw_only=True):
    """One registered phone of a user of `[[sip_users]]`."""

    user: str
    """Its name in the configuration."""
    number: str | None = None
    """That rings it, with `+`; absent: the user has none, or is not configured here any more."""
    address: str
    """Where its REGISTER came from, and where calls go: `udp:198.51.100.7:5060`."""
    contact: str
    """The URI that it gives."""
    user_agent: str
    """What it calls itself; may be empty."""
    registered_at: str
    """First, without a break since."""
    expires_at: str
    node: str
    """The node that it registered with."""


class RegisteredPhones(View, frozen=True, kw_only=True):
    """All of them, by user, the newest first."""

    phones: list[RegisteredPhone]
    """Empty when none is registered."""
    status_code: int
    status_message: str


@get("/phones", operation_id="listPhones", summary="The registered phones")
async def list_phones(deps: NamedDependency[Deps]) -> RegisteredPhones:
    """Those whose registration has not expired, over all nodes."""
    numbers = {user.username: user.number for user in deps.config.sip_users}
    phones = [
        RegisteredPhone(
            user=phone.user,
            number=numbers.get(phone.user),
            address=f"{phone.transport}:{phone.host}:{phone.port}",
            contact=phone.contact,
            user_agent=phone.user_agent,
            registered_at=iso_milliseconds(phone.registered_at),
            expires_at=iso_milliseconds(phone.expires_at),
            node=phone.node,
        )
        for phone in await deps.store.phones(deps.clock.now())
    ]
    return RegisteredPhones(phones=phones, status_code=OK_CODE, status_message=OK_MESSAGE)


router = Router(ADMIN_PREFIX, route_handlers=[list_phones], tags=["Administration"])
