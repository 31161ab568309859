"""The key that encrypts recordings, from a variable or a file."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from offhook.config.server_sections import Recording

KEY_SIZE = 32
FILE = "file:"
"""What begins the name of a file with the key."""


def encryption_key(section: Recording, environ: Mapping[str, str] = os.environ) -> bytes | None:
    """The 32 octets of ``recording.encryption_key``; None: recordings are not encrypted.

    Raises ``ValueError`` with a text for the operator.
    """
    configured = section.encryption_key
    if configured is None:
        return None
    kind, _, name = configured.partition(":")
    if kind == "env":
        text = environ.get(name, "")
        if not text:
            raise ValueError(f"the variable {name} is not set")
    else:
        try:
            text = Path(name).read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{name} cannot be read") from error
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_SIZE:
        raise ValueError(f"expected {KEY_SIZE} octets in base64")
    return key
