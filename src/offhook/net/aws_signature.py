"""AWS Signature Version 4, of one request. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote


class AwsCredentials(NamedTuple):
    """A key pair, and the region that it signs for."""

    key_id: str
    secret: str
    region: str


def signed_headers(
    credentials: AwsCredentials,
    service: str,
    method: str,
    host: str,
    path: str,
    body: bytes,
    now: datetime,
) -> dict[str, str]:
    """The headers that sign a request without a query.

    ``service`` as ``polly``; ``host`` with its port where it is not the usual one; ``path`` not quoted.
    """
    at = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": at}
    names = ";".join(headers)
    canonical = "\n".join(
        [
            *(method, quote(path, safe="/-_.~"), ""),
            *(f"{name}:{value}" for name, value in headers.items()),
            *("", names, digest),
        ]
    )
    scope = f"{at[:8]}/{credentials.region}/{service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{credentials.secret}".encode()
    for part in (at[:8], credentials.region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashed}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return {
        "x-amz-content-sha256": digest,
        "x-amz-date": at,
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        ),
    }
