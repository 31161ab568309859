"""Signatures of webhook deliveries: Standard Webhooks, version ``v1`` (symmetric).

The signed text is ``{webhook-id}.{webhook-timestamp}.{body}``, the signature its HMAC-SHA256 in
base64. See the specification at https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from offhook.webhook_secrets import secret_key

TOLERANCE = 300
"""Seconds a delivery's timestamp may be off before a receiver must refuse it."""


class BadSignature(Exception):
    """The delivery was not signed with this secret, was altered, or is too old."""

    def __str__(self) -> str:
        return str(self.__doc__)


def signed_headers(
    secrets: tuple[str, ...], *, delivery_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """The three headers of one attempt (two without a secret); one signature for each secret.

    ``delivery_id`` stays the same over retries, ``timestamp`` (Unix seconds) is the attempt's own.
    Raises :class:`~offhook.webhook_secrets.BadSecret`.
    """
    headers = {"webhook-id": delivery_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        headers["webhook-signature"] = " ".join(
            _signature(secret_key(secret), delivery_id, timestamp, body) for secret in secrets
        )
    return headers


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance: float = TOLERANCE,
) -> str:
    """For receivers: the id of a genuine delivery. Raises :class:`BadSignature`.

    ``headers`` is looked up by lower-case names; ``now`` is Unix seconds, and ``tolerance`` by how many
    of them the delivery may be off. A repeated id is a retry of a delivery that was received before.
    """
    try:
        delivery_id = headers["webhook-id"]
        timestamp = int(headers["webhook-timestamp"])
        signatures = headers["webhook-signature"].split(" ")
    except (KeyError, ValueError):
        raise BadSignature from None
    if abs(now - timestamp) > tolerance:
        raise BadSignature
    expected = _signature(secret_key(secret), delivery_id, timestamp, body).encode()
    if not any(hmac.compare_digest(given.encode(), expected) for given in signatures):
        raise BadSignature
    return delivery_id


def _signature(key: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    content = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()
