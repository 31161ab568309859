"""Errors of the databases' drivers as one line for the operator."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit


def reason(error: BaseException) -> str:
    """What went wrong, in one line and never empty."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        text = os.strerror(error.errno)  # asyncio's own says "Connect call failed"
    elif isinstance(error, socket.gaierror) and error.strerror:
        text = error.strerror
    if isinstance(error, TimeoutError) and not text:
        return "no answer in time"
    return text or type(error).__name__


def place_of(url: str) -> str:
    """The server and the database that a PostgreSQL URL names, without user and password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or "localhost"
    return f"PostgreSQL at {host}, database {parts.path.lstrip('/') or 'of the user'}"
