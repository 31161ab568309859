"""An operator's question whether a trunk answers, and what the voice processes found."""

from __future__ import annotations

from typing import Annotated

import msgspec

PROBE_ORDERS = "trunk-probes"
"""The topic of :class:`ProbeOrder` as JSON."""


class ProbeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Every voice process sends an OPTIONS to a trunk."""

    probe_id: Annotated[str, msgspec.Meta(max_length=64)]
    trunk: Annotated[str, msgspec.Meta(max_length=200)]


class ProbeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What one voice process found."""

    node: str
    status: int | None
    """Of the answer; None: there was none."""
    problem: str = ""
    """Why there was none, in words."""
    milliseconds: int
    """From the question to the answer, or to the end of waiting for it."""


def probe_topic(probe_id: str) -> str:
    """Where the answers are published."""
    return f"trunk-probe.{probe_id}"
