"""What a REGISTER of a phone changes (RFC 3261 §10.3). Pure.

The lifetime is at least :data:`SHORTEST` and at most :data:`LONGEST` seconds. A phone behind a NAT, seen by
a contact that is not where its REGISTER came from, gets at most :data:`BEHIND_NAT`: its REGISTERs keep the
way through the NAT open (RFC 4787 §4.3 asks NATs for two minutes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final, NamedTuple

from offhook.session.ports.phone_bindings import PhoneBinding
from offhook.sip import ContactWish, IncomingRegister
from offhook.sip.grammar import parse_uri
from offhook.telephony.sip_users import SipUser

SHORTEST: Final = 60
LONGEST: Final = 3600
BEHIND_NAT: Final = 110


class ContactUpdate(NamedTuple):
    """The answer to a REGISTER, and what to store before it is sent."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    put: tuple[PhoneBinding, ...] = ()
    drop: tuple[str, ...] = ()
    """Contacts."""


def update(
    wish: IncomingRegister,
    user: SipUser,
    known: Sequence[PhoneBinding],
    *,
    node: str,
    now: datetime,
) -> ContactUpdate:
    """What becomes of the REGISTER of ``user``, whose ``known`` phones have not expired."""
    if wish.user not in (user.username, user.number):
        return ContactUpdate(403)
    by_contact = {phone.contact: phone for phone in known}
    if _is_late(wish, known):
        return ContactUpdate(500)
    if wish.clears:
        return ContactUpdate(200, drop=tuple(by_contact))
    if any(0 < contact.expires < SHORTEST for contact in wish.contacts):
        return ContactUpdate(423, (("Min-Expires", str(SHORTEST)),))
    drop = [contact.uri for contact in wish.contacts if not contact.expires]
    put = [
        _bound(contact, wish, by_contact.get(contact.uri), node=node, now=now)
        for contact in wish.contacts
        if contact.expires
    ]
    if len(put) > user.max_phones:
        return ContactUpdate(403)
    left = by_contact | {phone.contact: phone for phone in put}
    for contact in drop:
        left.pop(contact, None)
    others = sorted(
        (phone for phone in left.values() if phone not in put),
        key=lambda phone: phone.registered_at,
    )
    for phone in others[: max(0, len(left) - user.max_phones)]:
        drop.append(phone.contact)
        del left[phone.contact]
    return ContactUpdate(200, _told(left.values(), wish, now), tuple(put), tuple(drop))


def _is_late(wish: IncomingRegister, known: Sequence[PhoneBinding]) -> bool:
    """Whether a newer REGISTER of the same Call-ID was taken before (§10.3, step 7)."""
    named = {contact.uri for contact in wish.contacts}
    return any(
        phone.call_id == wish.call_id and phone.cseq >= wish.cseq
        for phone in known
        if wish.clears or phone.contact in named
    )


def _bound(
    contact: ContactWish,
    wish: IncomingRegister,
    before: PhoneBinding | None,
    *,
    node: str,
    now: datetime,
) -> PhoneBinding:
    source = wish.source
    most = BEHIND_NAT if _is_behind_nat(contact.uri, wish) else LONGEST
    seconds = min(contact.expires, most)
    return PhoneBinding(
        user=wish.admitted_as or "",
        contact=contact.uri,
        call_id=wish.call_id,
        cseq=wish.cseq,
        transport=source.transport,
        host=source.host,
        port=source.port,
        path=wish.path,
        user_agent=wish.user_agent,
        registered_at=now if before is None else before.registered_at,
        expires_at=now + timedelta(seconds=seconds),
        node=node,
    )


def _is_behind_nat(uri: str, wish: IncomingRegister) -> bool:
    """Whether the REGISTER came from elsewhere than it says, over a transport without connections."""
    if wish.source.transport != "udp" or wish.path:
        return False
    return parse_uri(uri).host != wish.source.host


def _told(
    phones: Iterable[PhoneBinding], wish: IncomingRegister, now: datetime
) -> tuple[tuple[str, str], ...]:
    """The headers of the 200: every contact with its seconds, the Path, the date."""
    contacts = [
        ("Contact", f"<{phone.contact}>;expires={_seconds_left(phone, now)}") for phone in phones
    ]
    paths = [("Path", value) for value in wish.path]
    return (*contacts, *paths, ("Date", format_datetime(now, usegmt=True)))


def _seconds_left(phone: PhoneBinding, now: datetime) -> int:
    return max(0, round((phone.expires_at - now).total_seconds()))


def unexpired(phones: Sequence[PhoneBinding], now: datetime) -> list[PhoneBinding]:
    """Those that are still registered at ``now``."""
    return [phone for phone in phones if phone.expires_at > now]
