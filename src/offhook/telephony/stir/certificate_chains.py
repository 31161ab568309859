"""The certificates that signed callers' tokens: fetched, checked against the roots, remembered (RFC 8226).

A call from outside names the URL of its certificate, so anybody can make us ask for anything: the guard of
:mod:`offhook.net` applies (https, no private addresses), answers are small, and of each URL the result is
remembered, a failure for a shorter time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple, final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.x509.verification import ExtensionPolicy, PolicyBuilder, VerificationError
from cryptography.x509.verification import Store as RootStore

from offhook.clock import Clock
from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import OutgoingError
from offhook.telephony.stir.passports import PassportError

FETCH_TIMEOUT: Final = 2.0
"""Seconds; the caller hears nothing meanwhile."""
MAX_CHAIN: Final = 32_768
"""Octets of a certificate with those above it."""
MAX_CERTIFICATES: Final = 5
REMEMBERED: Final = 512
"""URLs of which the result is remembered."""
GOOD_FOR: Final = timedelta(hours=1)
BAD_FOR: Final = timedelta(minutes=1)
FETCHES_AT_ONCE: Final = 16
_TN_AUTH_LIST: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
"""Which numbers or which provider a certificate speaks for (RFC 8226 §9)."""


class _Known(NamedTuple):
    """The result for one URL."""

    chain: tuple[x509.Certificate, ...]
    problem: str | None
    until: datetime


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file. Raises OSError or ValueError."""
    return x509.load_pem_x509_certificates(path.read_bytes())


@final
class CertificateChains:
    """Fetches certificates and says which key they give."""

    def __init__(self, http: HttpClient, roots: Sequence[x509.Certificate], clock: Clock) -> None:
        """``roots``: the certificates that we trust, at least one."""
        self._http = http
        self._roots = RootStore(list(roots))
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._slots = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def key_of(self, url: str) -> EllipticCurvePublicKey:
        """The public key of the certificate at ``url``, if it leads to a root at this time.

        Raises :class:`PassportError`.
        """
        now = self._clock.now()
        known = self._known.get(url)
        if known is None or known.until <= now:
            known = await self._fetch(url)
            self._known[url] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        if known.problem is not None:
            raise PassportError(known.problem)
        return self._checked(known.chain, now)

    async def _fetch(self, url: str) -> _Known:
        try:
            async with self._slots:
                answer = await self._http.request(
                    "GET", url, timeout=FETCH_TIMEOUT, max_body=MAX_CHAIN, max_redirects=1
                )
            if answer.status != 200:
                problem = f"its certificate was answered {answer.status}"
                return _Known((), problem, self._clock.now() + BAD_FOR)
            chain = tuple(x509.load_pem_x509_certificates(answer.body))[:MAX_CERTIFICATES]
        except OutgoingError as error:
            problem = f"its certificate cannot be fetched: {error}"
            return _Known((), problem, self._clock.now() + BAD_FOR)
        except ValueError:
            return _Known((), "its certificate is no PEM file", self._clock.now() + BAD_FOR)
        return _Known(chain, None, self._clock.now() + GOOD_FOR)

    def _checked(
        self, chain: tuple[x509.Certificate, ...], now: datetime
    ) -> EllipticCurvePublicKey:
        leaf, above = chain[0], chain[1:]
        builder = PolicyBuilder().store(self._roots).time(now).max_chain_depth(MAX_CERTIFICATES)
        # A certificate of a telephone service has no host name and no use of the web's.
        policies = builder.extension_policies(
            ca_policy=ExtensionPolicy.webpki_defaults_ca(), ee_policy=ExtensionPolicy.permit_all()
        )
        try:
            policies.build_client_verifier().verify(leaf, list(above))
            leaf.extensions.get_extension_for_oid(_TN_AUTH_LIST)
            key = leaf.public_key()
        except VerificationError as error:
            raise PassportError("its certificate leads to no root that we trust") from error
        except x509.ExtensionNotFound as error:
            raise PassportError("its certificate is not for telephone numbers") from error
        except ValueError as error:
            raise PassportError("its certificate is malformed") from error
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
            raise PassportError("its certificate has no key on P-256")
        return key
