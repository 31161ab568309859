"""Opens what ``[stir]`` asks for. The extra ``stir`` is imported only then."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import NamedTuple

from offhook.clock import Clock
from offhook.config import StirSection
from offhook.net.http_client import HttpClient
from offhook.telephony.identity_signer import IdentitySigner, IdentityVerifier


class StirError(Exception):
    """``[stir]`` cannot be used; the message names the key and says why, for the operator."""


class StirService(NamedTuple):
    """What the line signs and verifies with; None: not configured."""

    signer: IdentitySigner | None = None
    verifier: IdentityVerifier | None = None


def open_stir(section: StirSection, http: HttpClient, clock: Clock) -> StirService:
    """Read the key and the roots. ``http`` fetches certificates. Raises :class:`StirError`."""
    if section.key is None and section.roots is None:
        return StirService()
    try:
        from offhook.telephony.stir.caller_signer import CallerSigner, read_key
        from offhook.telephony.stir.caller_verifier import CallerVerifier
        from offhook.telephony.stir.certificate_chains import CertificateChains, read_certificates
    except ImportError as error:
        raise StirError(f"[stir] needs the extra: pip install offhook[stir] ({error})") from None
    signer: IdentitySigner | None = None
    verifier: IdentityVerifier | None = None
    if section.key is not None and section.certificate_url is not None:
        try:
            key = read_key(Path(section.key))
        except (OSError, ValueError) as error:
            raise StirError(f"stir.key: {section.key}: {error}") from None
        url = section.certificate_url
        origid = section.origid or str(uuid.uuid5(uuid.NAMESPACE_URL, url))
        signer = CallerSigner(key, url, origid, clock)
    if section.roots is not None:
        try:
            roots = read_certificates(Path(section.roots))
        except (OSError, ValueError) as error:
            raise StirError(f"stir.roots: {section.roots}: {error}") from None
        verifier = CallerVerifier(CertificateChains(http, roots, clock), clock)
    return StirService(signer, verifier)
