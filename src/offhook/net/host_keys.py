"""Host keys of SSH servers, as people configure them. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib

_PREFIX = "SHA256:"


def fingerprint_of(host_key: str) -> str:
    """``SHA256:…`` of a host key: of one that is that already, or of a line ``ssh-ed25519 AAAA…``.

    Lines of ``ssh-keyscan`` and ``known_hosts``, which begin with the host's name, count too. Raises
    ``ValueError``.
    """
    text = host_key.strip()
    if text.startswith(_PREFIX):
        digest = _decoded(text.removeprefix(_PREFIX).rstrip("=") + "=")
        if len(digest) == hashlib.sha256().digest_size:
            return text.rstrip("=")
    for word in text.split():
        if word.startswith("AAAA") and len(blob := _decoded(word)) > 16:
            digest = hashlib.sha256(blob).digest()
            return _PREFIX + base64.b64encode(digest).decode().rstrip("=")
    raise ValueError('expected "SHA256:…" or a line such as "ssh-ed25519 AAAA…"')


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
