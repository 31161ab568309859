"""Certificates of telephone services for tests: a root, an intermediate and leaves (RFC 8226)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
_SPC = bytes.fromhex("3008a006160431323334")
"""A service provider code, ``1234``."""


class Authority(NamedTuple):
    """Who may sign certificates."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def certificate(
    name: str,
    by: Authority | None = None,
    *,
    may_sign: bool = False,
    for_numbers: bool = True,
    days: tuple[float, float] = (-1, 30),
    curve: ec.EllipticCurve | None = None,
) -> Authority:
    """A certificate for ``name``; without ``by`` it signs itself. ``days``: its validity from now."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = subject if by is None else by.certificate.subject
    now = datetime.now(UTC)
    signing = key if by is None else by.key
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(may_sign, None), critical=True)
        .add_extension(
            x509.KeyUsage(
                not may_sign, False, False, False, False, may_sign, may_sign, False, False
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()),
            critical=False,
        )
    )
    if for_numbers and not may_sign:
        builder = builder.add_extension(
            x509.UnrecognizedExtension(TN_AUTH_LIST, _SPC), critical=False
        )
    return Authority(builder.sign(signing, hashes.SHA256()), key)
