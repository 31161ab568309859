"""What the supervisor, the front and the workers agree on where several workers share the SIP addresses."""

from __future__ import annotations

from offhook.config import Config

LOOPBACK = "127.0.0.1"


def relay_path(front: str) -> str:
    """The Unix socket for what is not the shared UDP address, beside the front's own."""
    return f"{front}.relay"


def shared_index(config: Config) -> int | None:
    """The place of the UDP address on which all workers send themselves; None: there is none."""
    udp = [index for index, each in enumerate(config.sip.listen) if each.startswith("udp:")]
    return udp[0] if udp else None
