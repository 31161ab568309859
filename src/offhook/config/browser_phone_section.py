"""``[browser_phone]``: phones in browsers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from offhook.config.section import Section
from offhook.config.value_types import Host, Secret

IceServer = Annotated[
    str,
    Meta(
        pattern=r"^(stun|turns?):[^\s:?]{1,253}(:[0-9]{1,5})?(\?transport=(udp|tcp))?\Z",
        description='a URL such as "stun:stun.example.org:3478" or "turn:turn.example.org"',
    ),
]


class BrowserPhone(Section, frozen=True, kw_only=True):
    """``[browser_phone]``"""

    enabled: bool = False
    address: Host = "127.0.0.1"
    """IP address of this machine that browsers send their sound to."""
    advertise: Host | None = None
    """What browsers are told instead, behind a NAT that keeps the ports; None: ``address``."""
    ice_servers: tuple[IceServer, ...] = ()
    """STUN and TURN servers for browsers; the first STUN server is asked for our own address, too."""
    ice_username: str | None = None
    """For TURN servers; the page that uses them shows it to everyone who is signed in, with the password."""
    ice_password: Secret | None = None
