"""The API for parts of the same process that act for a person who is signed in: the console.

It has the rules, the texts and the rights of the API on the wire, without a socket and a key.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import msgspec

from offhook.session.tenancy import KeyGrant


class ApiReply(NamedTuple):
    """What the API answered."""

    status: int
    content_type: str
    body: bytes

    @property
    def fine(self) -> bool:
        """Whether what was asked was done."""
        return self.status < 400

    def json(self) -> Any:
        """The body. Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class ApiDoor(ABC):
    """Asks the API in the name of a caller."""

    @abstractmethod
    async def ask(
        self, grant: KeyGrant | None, method: str, path: str, *, query: str = "", body: bytes = b""
    ) -> ApiReply:
        """Send a request with the rights of a key; None: the operator's.

        ``path`` is decoded, ``query`` encoded. An operator may ask below every sub-account too.
        """
