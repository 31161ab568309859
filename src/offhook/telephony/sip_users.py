"""The users of ``[[sip_users]]``, as the line knows them: each like a trunk to its own phones."""

from __future__ import annotations

import msgspec

from offhook import config
from offhook.negotiated import Codec
from offhook.session.routing import user_route
from offhook.sip.descriptions import Security
from offhook.telephony.trunks import Trunk


class SipUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user whose phones register here."""

    username: str
    password: str
    number: str | None
    """E.164 with ``+``; None: the user only calls in."""
    digest: tuple[str, ...]
    """The algorithms that its phones are asked for."""
    max_phones: int
    trunk: Trunk
    """What is negotiated with the phones; its name is the user's route, its address is empty."""


def sip_user_of(section: config.SipUserSection) -> SipUser:
    """The user of a ``[[sip_users]]`` section."""
    return SipUser(
        username=section.username,
        password=section.password,
        number=section.number,
        digest=section.digest,
        max_phones=section.max_phones,
        trunk=Trunk(
            name=user_route(section.username),
            transport="udp",
            host="",
            port=0,
            codecs=tuple(Codec(name) for name in section.codecs),
            security=Security(section.srtp),
        ),
    )
