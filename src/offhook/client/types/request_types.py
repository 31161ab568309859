"""Requests: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["RequestAnswer"]


class RequestAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was asked and what was answered."""

    call_flow_request_id: str
    """Of the request that started it."""
    sub_account_id: str
    """The sub-account's id."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""
    request: str
    """The body as received (inflated); bytes that are no UTF-8 are shown as U+FFFD."""
    http_status: int
    """HTTP status of the answer."""
    answer: dict[str, Any]
    """The JSON answer."""
    session_id: str | None = None
    """The session's id."""
    idempotency_key: str | None = None
    """The request's ``Idempotency-Key``."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
