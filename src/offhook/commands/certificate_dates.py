"""Until when a certificate is valid, read from its file without a library for certificates.

RFC 5280 §4.1: ``SEQUENCE { SEQUENCE { [0] version, serialNumber, signature, issuer, validity …``; the
validity is a SEQUENCE of two times, UTCTime (two digits of the year) or GeneralizedTime (four).
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_VERSION, _UTC_TIME = 0xA0, 0x17


def valid_until(path: str) -> datetime:
    """When the first certificate of a PEM file ends. Raises OSError, ValueError."""
    text = Path(path).read_text("ascii", errors="replace")
    begin, end = text.find(_BEGIN), text.find(_END)
    if begin < 0 or end < begin:
        raise ValueError("there is no certificate in it")
    der = ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)])
    try:
        return _end_of_validity(der)
    except IndexError:
        raise ValueError("its certificate cannot be read") from None


def _end_of_validity(der: bytes) -> datetime:
    _, at, _ = _element(der, 0)
    _, at, _ = _element(der, at)
    tag, _, behind = _element(der, at)
    if tag == _VERSION:
        at = behind
    for _ in range(3):  # serialNumber, signature, issuer
        _, _, at = _element(der, at)
    _, at, _ = _element(der, at)
    _, _, at = _element(der, at)  # notBefore
    tag, start, end = _element(der, at)
    text = der[start:end].decode("ascii", "replace")
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, first octet and end of the element at ``at`` (X.690 §8.1). Raises IndexError."""
    tag, length, at = der[at], der[at + 1], at + 2
    if length & 0x80:
        octets = length & 0x7F
        length = int.from_bytes(der[at : at + octets], "big")
        at += octets
    if at + length > len(der):
        raise IndexError
    return tag, at, at + length
