"""Bodies that are not JSON members, and what the events of a session end with; no I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from offhook.client.sending import Content
from offhook.client.types import SessionAnswer, TargetBody

Targets = str | bytes | Sequence[TargetBody | str | int | Mapping[str, object]]
"""The text or bytes of a CSV file, or numbers, with what the placeholders of each stand for."""

_LIVE = frozenset({"QUEUED", "RUNNING"})


def target_list(targets: Targets) -> Content:
    """The body of a list of numbers."""
    if isinstance(targets, str):
        return Content(targets.encode(), "text/csv")
    if isinstance(targets, bytes):
        return Content(targets, "text/csv")
    return Content(msgspec.json.encode(list(targets)), "application/json")


def audio(data: bytes) -> Content:
    """The body of an audio file; the server looks which kind it is."""
    return Content(data, "application/octet-stream")


def export_token(link: str) -> str:
    """The secret part of a link to a file."""
    return urlsplit(link).path.rpartition("/")[2]


def is_live(session: SessionAnswer) -> bool:
    """Whether more events can come."""
    return session.session_status in _LIVE
