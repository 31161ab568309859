"""AWS Signature Version 4 of one request, as AWS and every server that speaks S3 check it. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote


class AwsCredentials(NamedTuple):
    """A key pair, and the region that it signs for."""

    key_id: str
    secret: str
    region: str


class AwsRequest(NamedTuple):
    """What is signed of a request."""

    method: str
    host: str
    """With its port where it is not the usual one."""
    path: str
    """Not quoted."""
    body: bytes
    query: Mapping[str, str] = {}


def quoted_path(path: str) -> str:
    """A path as it stands in the URL and in the signature."""
    return quote(path, safe="/-_.~")


def query_string(query: Mapping[str, str]) -> str:
    """A query as it stands in the URL and in the signature: sorted, quoted."""
    pairs = sorted(
        (quote(key, safe="-_.~"), quote(value, safe="-_.~")) for key, value in query.items()
    )
    return "&".join(f"{key}={value}" for key, value in pairs)


def signed_headers(
    credentials: AwsCredentials, service: str, request: AwsRequest, now: datetime
) -> dict[str, str]:
    """The headers that sign a request besides its Host. ``service`` as ``polly`` or ``s3``."""
    at = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(request.body).hexdigest()
    headers = {"host": request.host, "x-amz-content-sha256": digest, "x-amz-date": at}
    names = ";".join(headers)
    canonical = "\n".join(
        [
            *(request.method, quoted_path(request.path), query_string(request.query)),
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
