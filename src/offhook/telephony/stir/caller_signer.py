"""Signs the calls that we make, with the operator's certificate (RFC 8224 §6.1, RFC 8588)."""

from __future__ import annotations

from pathlib import Path
from typing import final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from offhook.clock import Clock
from offhook.events import Attestation
from offhook.session.ports.telephony import DialOrder
from offhook.telephony.identity_signer import IdentitySigner
from offhook.telephony.stir.passports import sign


def read_key(path: Path) -> EllipticCurvePrivateKey:
    """The private key of a PEM file. Raises OSError or ValueError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except TypeError:
        raise ValueError("the key is encrypted") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("expected a key on P-256 (ES256)")
    return key


@final
class CallerSigner(IdentitySigner):
    """Makes the Identity header of our INVITEs."""

    def __init__(self, key: EllipticCurvePrivateKey, url: str, origid: str, clock: Clock) -> None:
        """``url``: where the certificate of ``key`` is served. ``origid``: a UUID that stands for this
        installation in tracing."""
        self._key = key
        self._url = url
        self._origid = origid
        self._clock = clock

    def identity_of(self, order: DialOrder, caller: str, attest: Attestation) -> str:
        return sign(
            self._key,
            self._url,
            attest=attest,
            orig=caller,
            dest=[order.destination],
            iat=int(self._clock.now().timestamp()),
            origid=self._origid,
        )
