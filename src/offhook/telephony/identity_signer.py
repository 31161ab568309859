"""What the line needs of STIR/SHAKEN: a signature on our INVITE, a verdict on theirs.

The implementations are in :mod:`offhook.telephony.stir`, which needs the extra ``stir``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from offhook.events import Attestation, CallerVerification
from offhook.session.ports.telephony import DialOrder


class IdentitySigner(ABC):
    """Signs our calls."""

    @abstractmethod
    def identity_of(self, order: DialOrder, caller: str, attest: Attestation) -> str:
        """The value of the ``Identity`` header of an INVITE that shows ``caller`` (E.164)."""


class IdentityVerifier(ABC):
    """Judges calls from outside."""

    @abstractmethod
    async def verify(
        self, values: Sequence[str], *, caller: str, called: str
    ) -> CallerVerification:
        """The verdict on the Identity headers of one call, in a bounded time. It does not raise.

        ``caller`` and ``called`` are the numbers that the INVITE shows.
        """
