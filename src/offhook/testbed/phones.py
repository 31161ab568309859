"""The built-in phones: how they refuse, and the routes that lead to them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from offhook.config import TESTBED_TRUNK, Config, RouteSection, TrunkSection

REFUSALS: Mapping[str, tuple[int, str | None]] = {
    "busy": (486, None),
    "decline": (603, None),
    "unreachable": (480, "Q.850;cause=20"),
    "error": (500, None),
}
"""The answer of a phone that refuses: the SIP status, and a Reason (RFC 3326) if it has one."""


def with_testbed(config: Config, address: str) -> Config:
    """``config`` with the trunk and the routes that lead to the phones at ``address``.

    Their own numbers are routed there; without a configured trunk all numbers are.
    """
    trunk = TrunkSection(name=TESTBED_TRUNK, address=address)
    own_numbers = [phone.number for phone in config.testbed.phones]
    prefixes = own_numbers if config.trunks else [""]
    routes = tuple(RouteSection(prefix=prefix, trunks=(TESTBED_TRUNK,)) for prefix in prefixes)
    return msgspec.structs.replace(
        config, trunks=(*config.trunks, trunk), routes=(*config.routes, *routes)
    )
