"""What the console and the gateway of browser phones say to each other over the fabric.

The console repeats ``keep`` every few seconds for as long as a browser listens; a phone that nobody keeps is
unregistered. The gateway answers each ``keep`` with the phone's state, so that a message that the fabric
loses costs seconds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

ORDERS = "browser-phone-orders"
"""The topic of what browsers want: :class:`PhoneOrder` as JSON."""
LONGEST_OFFER = 16_384
"""Characters of a session description."""


def news_topic(phone: str) -> str:
    """The topic of what one browser is told: :class:`PhoneNews` as JSON."""
    return f"browser-phone.{phone}"


class PhoneWish(StrEnum):
    """What a browser wants."""

    KEEP = "keep"
    """Be a phone of the user, or go on being one."""
    LEAVE = "leave"
    CALL = "call"
    ANSWER = "answer"
    HANG_UP = "hangup"
    """Also: decline a call that rings, give up one that is not answered."""


class PhoneOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser wants."""

    phone: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    """The phone's random id, which one browser knows."""
    owner: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    """Who is signed in there: others cannot give this phone orders."""
    user: Annotated[str, msgspec.Meta(max_length=64)]
    """The ``[[sip_users]]`` whose phone it is; the console has checked that the browser may be it."""
    wish: PhoneWish
    gateway: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    """Whom a ``keep`` is for; None: a gateway that has room answers with its name."""
    number: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9*#]{1,20}$")] | None = None
    """Of ``call``."""
    sdp: Annotated[str, msgspec.Meta(max_length=LONGEST_OFFER)] | None = None
    """Of ``call`` and ``answer``: the browser's offer (RFC 8829)."""


class PhoneState(StrEnum):
    """What a browser's phone does."""

    FREE = "free"
    """A gateway has room for this phone, which is not its phone yet."""
    REGISTERING = "registering"
    READY = "ready"
    REFUSED = "refused"
    """It cannot be a phone of this user now: ``text`` says why."""
    RINGING = "ringing"
    """Somebody calls."""
    CONNECTING = "connecting"
    """A call was answered or placed, and the sound is on its way."""
    CALLING = "calling"
    """The far end does not ring yet, or rings."""
    TALKING = "talking"


class PhoneNews(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a browser is told."""

    state: PhoneState
    gateway: str = ""
    peer: str = ""
    """Who calls or is called."""
    text: str = ""
    """For the person: how the last call ended, or why there is no phone."""
    sdp: str = ""
    """The answer to the browser's offer."""
    digit: str = ""
    """A key that the far end pressed."""
