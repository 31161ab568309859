"""Judges the ``Identity`` of a call from outside (RFC 8224 §6.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, final

from offhook.clock import Clock
from offhook.events import CallerVerification, Verstat
from offhook.faults import FaultLog
from offhook.sip.identity_header import IdentityHeader, parse_identities
from offhook.telephony.identity_signer import IdentityVerifier
from offhook.telephony.stir.certificate_chains import CertificateChains
from offhook.telephony.stir.passports import (
    Claims,
    PassportError,
    canonical,
    certificate_url,
    verified,
)

log = logging.getLogger(__name__)
faults = FaultLog(log)

FRESH: Final = 60
"""Seconds that a token may be old, or from the future (RFC 8224 §6.2)."""
DEADLINE: Final = 3.0
"""Seconds for the whole judgement: the call rings meanwhile."""
NOT_SIGNED: Final = CallerVerification(result=Verstat.NONE)


@final
class CallerVerifier(IdentityVerifier):
    """Verifies callers against the configured roots."""

    def __init__(self, chains: CertificateChains, clock: Clock) -> None:
        self._chains = chains
        self._clock = clock

    async def verify(
        self, values: Sequence[str], *, caller: str, called: str
    ) -> CallerVerification:
        if not values:
            return NOT_SIGNED
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._judge(parse_identities(values), caller, called)
        except TimeoutError:
            return _failed("its certificate did not come in time")
        except Exception:
            faults.report("verifying a caller")
            return _failed("an internal error")

    async def _judge(
        self, headers: Sequence[IdentityHeader | None], caller: str, called: str
    ) -> CallerVerification:
        """The first token of SHAKEN that holds decides; other kinds of tokens are passed over."""
        problem = "no token of SHAKEN"
        for header in headers:
            if header is None:
                problem = "a malformed Identity header"
            elif header.ppt == "shaken":
                try:
                    claims = await self._claims(header)
                    self._compare(claims, caller, called)
                except PassportError as error:
                    problem = str(error)
                else:
                    return CallerVerification(result=Verstat.PASSED, attestation=claims.attest)
        return _failed(problem)

    async def _claims(self, header: IdentityHeader) -> Claims:
        url = certificate_url(header.token)
        if url != header.info:
            raise PassportError("the header names another certificate than the token")
        return verified(header.token, await self._chains.key_of(url))

    def _compare(self, claims: Claims, caller: str, called: str) -> None:
        """Raise :class:`PassportError` unless the token is fresh and is that of this call."""
        age = self._clock.now().timestamp() - claims.iat
        if not -FRESH <= age <= FRESH:
            raise PassportError(f"the token is {age:.0f} s old")
        if claims.orig.tn != canonical(caller):
            raise PassportError("the token is of another caller")
        if canonical(called) not in claims.dest.tn:
            raise PassportError("the token is for another called number")


def _failed(reason: str) -> CallerVerification:
    return CallerVerification(result=Verstat.FAILED, reason=reason)
