"""Where the parts of a node find sub-accounts and keys: in memory, from the file and from the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from offhook.session.api_keys import key_digest
from offhook.session.tenancy import KeyGrant, SubAccount


class SubAccounts(ABC):
    """Looks up sub-accounts as they are at this moment."""

    @abstractmethod
    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        """The sub-account with this id, of any account (see :meth:`.KeyGrant.opens`)."""

    @abstractmethod
    def sub_accounts(self) -> Sequence[SubAccount]:
        """All of them; the same object until one changes."""


class TenantDirectory(SubAccounts):
    """Sub-accounts and keys of the configuration file and of the store."""

    @abstractmethod
    def is_admin_digest(self, digest: bytes) -> bool:
        """Whether the SHA-256 of one of ``[admin] api_keys`` is this."""

    def is_admin(self, key: str) -> bool:
        """Whether this is one of ``[admin] api_keys``."""
        return self.is_admin_digest(key_digest(key))

    @abstractmethod
    def has_admin_keys(self) -> bool:
        """Whether ``[admin] api_keys`` names any, as the file was read last."""

    @abstractmethod
    def in_file(self, sub_account_id: str) -> bool:
        """Whether the configuration file holds this sub-account, as it was read last."""

    @abstractmethod
    def number_in_file(self, msisdn: str) -> bool:
        """Whether the configuration file gives this number to a sub-account, as it was read last."""

    @abstractmethod
    def grant_of(self, digest: bytes) -> KeyGrant | None:
        """What the key with this SHA-256 opens; None for one that is unknown, revoked or expired."""

    def authenticate(self, key: str) -> KeyGrant | None:
        """What a key opens; None for one that is unknown, revoked or expired.

        The look-up is by digest, so its time gives no information about any key.
        """
        return self.grant_of(key_digest(key))

    @abstractmethod
    async def refresh(self) -> None:
        """Read the store again if it has changed. While the database is away, the known ones stay."""
