"""The built-in phones by number, and the default set that ``demo`` and anybody's tests may call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from offhook.config import Config, Phone, Route, Trunk

TRUNK_NAME = "testbed"
"""The trunk that leads to the built-in phones."""

DEFAULT_PHONES: tuple[Phone, ...] = (
    Phone(number="+12025550100"),
    Phone(number="+12025550101", press="1"),
    Phone(number="+12025550102", outcome="busy"),
    Phone(number="+12025550103", outcome="no-answer"),
    Phone(number="+12025550104", outcome="decline"),
    Phone(number="+12025550105", outcome="unreachable"),
    Phone(number="+12025550106", outcome="error"),
    Phone(number="+12025550107", hangup_after=2.0),
    Phone(number="+12025550108", press="123#"),
    Phone(number="+12025550109", answer_after=0.0),
)
"""Numbers that are reserved for fiction (555-01xx), so that no real phone is ever meant."""

REFUSALS: Mapping[str, tuple[int, str | None]] = {
    "busy": (486, None),
    "decline": (603, None),
    "unreachable": (480, "Q.850;cause=20"),
    "error": (500, None),
}
"""What a phone that refuses answers: the SIP status, and a Reason (RFC 3326) if it gives one."""


def phones_of(config: Config) -> dict[str, Phone]:
    """The phones by number: those of the file, else the default set."""
    return {phone.number: phone for phone in config.testbed.phones or DEFAULT_PHONES}


def needed(config: Config) -> bool:
    """Whether the built-in phones are to be started: some are configured, or there is no trunk."""
    return bool(config.testbed.phones) or not config.trunks


def with_testbed(config: Config, port: int) -> Config:
    """``config`` with the trunk and the routes that lead to the phones on loopback ``port``.

    Their own numbers go there; everything does while no trunk is configured.
    """
    trunk = Trunk(name=TRUNK_NAME, address=f"udp:127.0.0.1:{port}")
    prefixes: Sequence[str] = list(phones_of(config)) if config.trunks else [""]
    routes = tuple(Route(prefix=prefix, trunks=(TRUNK_NAME,)) for prefix in prefixes)
    return msgspec.structs.replace(
        config, trunks=(*config.trunks, trunk), routes=(*config.routes, *routes)
    )
