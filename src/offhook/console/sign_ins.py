"""Who is signed in: a random token in a cookie, its digest in the store, and the key behind it.

The key is looked up anew at each request, so a key that is revoked signs its people out at once. The token
against forged forms is a digest of the cookie's token: a page of another origin can read neither.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from offhook.console.console_parts import ConsoleParts
from offhook.session.api_keys import key_digest, looks_like_key
from offhook.session.new_keys import NewKeys
from offhook.session.ports.console_records import SignIn
from offhook.session.ports.tenants import TenantDirectory
from offhook.session.scopes import Scope, allows
from offhook.session.tenancy import KeyGrant, SubAccount

MOST_KEY_LETTERS = 512
NOTED_EVERY = timedelta(minutes=1)
"""How exactly the store knows when a sign-in was used last."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in."""

    grant: KeyGrant | None
    """What the key opens; None: an operator's key, which opens everything."""
    form_token: str
    """Must come back with every change."""
    directory: TenantDirectory

    @property
    def is_operator(self) -> bool:
        """Whether it is one of the operator's keys."""
        return self.grant is None

    def may(self, scope: Scope) -> bool:
        """Whether the key's scopes include ``scope``."""
        return self.grant is None or allows(self.grant, scope)

    def sub_accounts(self) -> list[SubAccount]:
        """What may be seen, by id."""
        everyone = self.directory.sub_accounts()
        own = [one for one in everyone if self.grant is None or self.grant.opens(one)]
        return sorted(own, key=lambda one: one.sub_account_id)

    def opens(self, sub_account_id: str) -> bool:
        """Whether a sub-account may be seen; an operator sees what deleted ones have left, too."""
        if self.grant is None:
            return True
        found = self.directory.sub_account(sub_account_id)
        return found is not None and self.grant.opens(found)


class SignIns:
    """Opens, finds and ends sign-ins."""

    def __init__(self, parts: ConsoleParts) -> None:
        self._parts = parts
        self._new_keys = NewKeys(parts.directory)

    async def open(self, key: str) -> str | None:
        """The token of a new sign-in with ``key``; None where the key opens nothing."""
        given = key.strip()[: MOST_KEY_LETTERS + 1]
        digest = key_digest(given)
        if not self._known(digest) and looks_like_key(given):
            await self._new_keys.refresh()  # a key may have been made a moment ago
        if not self._known(digest):
            return None
        token, now = secrets.token_urlsafe(32), self._parts.clock.now()
        await self._parts.store.put_sign_in(
            SignIn(
                token_digest=_digest(token),
                key_digest=digest,
                created_at=now,
                used_at=now,
                expires_at=now + self._parts.signed_in_for,
            )
        )
        return token

    async def visitor(self, token: str) -> Visitor | None:
        """Who is behind a token; None: nobody any more."""
        digest, now = _digest(token), self._parts.clock.now()
        found = await self._parts.store.sign_in(digest)
        if found is None:
            return None
        if now >= found.expires_at or now >= found.used_at + self._parts.idle_for:
            await self._parts.store.delete_sign_in(digest)
            return None
        directory = self._parts.directory
        grant = directory.grant_of(found.key_digest)
        if grant is None and not directory.is_admin_digest(found.key_digest):
            return None
        if now - found.used_at >= NOTED_EVERY:
            await self._parts.store.touch_sign_in(digest, now)
        return Visitor(grant, form_token(token), directory)

    async def close(self, token: str) -> None:
        """Sign out."""
        await self._parts.store.delete_sign_in(_digest(token))

    def _known(self, digest: bytes) -> bool:
        directory = self._parts.directory
        return directory.is_admin_digest(digest) or directory.grant_of(digest) is not None


def form_token(token: str) -> str:
    """What forms carry for a cookie's token."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(visitor: Visitor, text: str) -> bool:
    """Whether a form came from one of our pages; compared in constant time."""
    return hmac.compare_digest(visitor.form_token.encode(), text.encode())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
