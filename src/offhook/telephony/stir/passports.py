"""PASSporT tokens of SHAKEN: made, read and checked (RFC 8225, RFC 8588). Pure.

A token is a JWS with a fixed header and a payload of which the octets matter: members in lexicographic order,
no blanks (RFC 8225 §9). Numbers in it have neither ``+`` nor separators (RFC 8224 §8.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from msgspec import Meta

from offhook.events import Attestation

_SIGNATURES = jwt.PyJWS(algorithms=["ES256"])
_Number = Annotated[str, Meta(pattern=r"^[0-9*#]{1,20}\Z")]
_Id = Annotated[str, Meta(max_length=100)]


class PassportError(ValueError):
    """A token that proves nothing; the message says why."""


class _Origin(msgspec.Struct, frozen=True):
    tn: _Number


class _Destination(msgspec.Struct, frozen=True):
    tn: Annotated[tuple[_Number, ...], Meta(min_length=1, max_length=50)]


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a SHAKEN token says. The order of the fields is that of its octets."""

    attest: Attestation
    dest: _Destination
    iat: Annotated[int, Meta(ge=0, le=2**53)]
    """When it was made, Unix seconds."""
    orig: _Origin
    origid: _Id


class _Header(msgspec.Struct, frozen=True):
    alg: str
    ppt: str
    typ: str
    x5u: Annotated[str, Meta(max_length=2_000)]


def canonical(number: str) -> str:
    """A number as tokens write it: digits, ``*`` and ``#`` only (RFC 8224 §8.3)."""
    return "".join(c for c in number if c in "0123456789*#")


def sign(
    key: EllipticCurvePrivateKey,
    url: str,
    *,
    attest: Attestation,
    orig: str,
    dest: Sequence[str],
    iat: int,
    origid: str,
) -> str:
    """The value of an ``Identity`` header.

    ``url`` is where the certificate of ``key`` is served; ``orig`` and ``dest`` are E.164; ``origid`` is a
    UUID that tells where a call came from (RFC 8588 §5).
    """
    claims = Claims(
        attest=attest,
        dest=_Destination(tuple(map(canonical, dest))),
        iat=iat,
        orig=_Origin(canonical(orig)),
        origid=origid,
    )
    token = _SIGNATURES.encode(
        msgspec.json.encode(claims),
        key,
        algorithm="ES256",
        headers={"ppt": "shaken", "typ": "passport", "x5u": url},
        sort_headers=True,
    )
    return f'{token};info=<{url}>;alg=ES256;ppt="shaken"'


def certificate_url(token: str) -> str:
    """Where a token says that its certificate is. Raises :class:`PassportError`; proves nothing."""
    try:
        header = msgspec.convert(jwt.get_unverified_header(token), _Header)
    except (jwt.PyJWTError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise PassportError("the token has no header of SHAKEN") from error
    if (header.alg, header.ppt, header.typ) != ("ES256", "shaken", "passport"):
        raise PassportError("the token is not one of SHAKEN")
    return header.x5u


def verified(token: str, key: EllipticCurvePublicKey) -> Claims:
    """The claims of a token that ``key`` has signed. Raises :class:`PassportError`."""
    try:
        payload = _SIGNATURES.decode(token, key, algorithms=["ES256"])
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise PassportError("the signature is wrong") from error
    try:
        return msgspec.json.decode(payload, type=Claims)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise PassportError("the token does not say what SHAKEN needs") from error
