"""Certificates and keys that the server loads: looked at before the processes start, which would each
fail without the key's name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from offhook.config import Config
from offhook.config.toml_lines import Path


def certificate_findings(config: Config) -> Iterator[tuple[Path, str]]:
    """Files that hold no certificate, no usable key, or the key of another certificate."""
    http, sip = config.http, config.sip
    yield from _pair(("http",), ("tls_certificate", "tls_key"), http.tls_certificate, http.tls_key)
    yield from _pair(("sip",), ("tls_certificate", "tls_key"), sip.tls_certificate, sip.tls_key)
    for index, each in enumerate(sip.certificates):
        path = ("sip", "certificates", index)
        yield from _pair(path, ("certificate", "key"), each.certificate, each.key)
    for key in ("tls_ca", "tls_client_ca"):
        file = getattr(sip, key)
        if file is not None and not _holds_certificate(file):
            yield ("sip", key), f"holds no certificate in PEM: {file}"


def _pair(
    path: Path, names: tuple[str, str], certificate: str | None, key: str | None
) -> Iterator[tuple[Path, str]]:
    if certificate is None or key is None:
        return
    if not _holds_certificate(certificate):
        yield (*path, names[0]), f"holds no certificate in PEM: {certificate}"
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield (*path, names[1]), f"is not the key of {certificate}: {key}"
        else:
            yield (*path, names[1]), f"holds no private key in PEM without a passphrase: {key}"
    except OSError as error:
        yield (*path, names[1]), f"cannot be read: {key}: {error.strerror}"


def _holds_certificate(file: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except (ssl.SSLError, OSError):
        return False
    return True
