"""Page cursors: where a page ended, as an opaque text."""

from __future__ import annotations

import base64
import binascii


def cursor_at(at: int, id_: str) -> str:
    """The cursor after a row: its time in microseconds, and its id."""
    return base64.urlsafe_b64encode(f"{at}:{id_}".encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[int, str]:
    """The inverse of :func:`cursor_at`. Raises ValueError for anything else."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, id_ = text.partition(":")
        position = int(at), id_
    except (binascii.Error, ValueError):
        raise ValueError("invalid cursor") from None
    if not 0 <= position[0] < 2**63 or "\0" in id_:
        raise ValueError("invalid cursor")
    return position
