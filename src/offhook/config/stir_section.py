"""``[stir]``: who signs our calls, and whose signatures on callers' numbers count."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from offhook.config.section import Section
from offhook.config.value_types import HttpUrl, Uuid

Attest = Literal["A", "B", "C"]


class UnverifiedCallers(StrEnum):
    """What becomes of calls with a caller that STIR/SHAKEN does not vouch for."""

    ACCEPT = "accept"
    REFUSE_FAILED = "refuse_failed"
    """Those with a signature that does not hold are refused."""
    REFUSE = "refuse"
    """Those without a signature too."""


class StirSection(Section, frozen=True, kw_only=True):
    """``[stir]``"""

    key: str | None = None
    """PEM file with the private key, on P-256."""
    certificate_url: HttpUrl | None = None
    """Where the certificate of that key is served, for those who verify."""
    origid: Uuid | None = None
    """A UUID for tracing; absent: made of the URL."""
    roots: str | None = None
    """PEM file with the certificates that verify callers; absent: callers are not verified."""
