"""Times as people give and read them: ``1h`` ago, and the local time of this machine."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from offhook.commands.common import USAGE, CommandError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(option: str, text: str | None, now: datetime) -> str | None:
    """``text`` as ISO 8601: ``90s``, ``15m``, ``1h``, ``2d`` or ``1w`` before ``now``, or a time of its own.

    Raises :class:`CommandError` for other forms; a time without an offset is local.
    """
    if text is None:
        return None
    if match := re.fullmatch(r"(\d{1,6})([smhdw])", text):
        ago = timedelta(**{_UNITS[match[2]]: int(match[1])})
        return (now - ago).astimezone(UTC).isoformat(timespec="milliseconds")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option}: expected a time such as 2026-01-31T12:00 or an age such as 15m, 1h or 2d, "
            f"found {text!r}",
            USAGE,
        ) from None


def local(timestamp: str) -> str:
    """A timestamp of the API in local time: ``2026-01-31 13:00:00.000``; others as they are."""
    try:
        at = datetime.fromisoformat(timestamp).astimezone()
    except ValueError:
        return timestamp
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"
