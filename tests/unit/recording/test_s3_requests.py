"""Our signatures for S3 against botocore's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from offhook.net.aws_signature import (
    AwsCredentials,
    AwsRequest,
    query_string,
    quoted_path,
    signed_headers,
)
from offhook.recording.push import s3
from offhook.recording.push.upload import UploadFailed
from offhook.session.tenancy import PushConfig, PushProtocol

OURS = AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "ap-southeast-2")


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("PUT", "/bucket/folder/a.mp3", {}),
        ("PUT", "/bucket/a folder/ü+&=~(1).mp3", {"partNumber": "2", "uploadId": "a/b+c=="}),
        ("POST", "/bucket/x", {"uploads": ""}),
        ("GET", "/bucket/x", {"uploadId": "ü"}),
    ],
)
def test_a_request_is_signed_as_botocore_signs_it(
    method: str, path: str, query: dict[str, str]
) -> None:
    url = f"https://s3.example:9000{quoted_path(path)}"
    request = AWSRequest(
        method=method,
        url=url + (f"?{query_string(query)}" if query else ""),
        data=b"body",
        headers={"host": "s3.example:9000"},
    )
    signer = S3SigV4Auth(Credentials(OURS.key_id, OURS.secret), "s3", OURS.region)
    signer.add_auth(request)
    at = datetime.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    asked = AwsRequest(method, "s3.example:9000", path, b"body", query)
    ours = signed_headers(OURS, "s3", asked, at)
    assert ours["x-amz-content-sha256"] == request.headers["X-Amz-Content-SHA256"]
    assert ours["authorization"] == request.headers["Authorization"]


WEST = "https://s3.eu-west-3.amazonaws.com"


def config(host: str, path: str, port: int | None = None) -> PushConfig:
    return PushConfig(
        protocol=PushProtocol.S3, host=host, port=port, username="k", password="s", path=path
    )


@pytest.mark.parametrize(
    ("host", "port", "path", "url", "region"),
    [
        ("eu-central-1", 13, "/b/p/", "https://b.s3.eu-central-1.amazonaws.com/p/n", "eu-central-1"),
        ("us-east-1", None, "b", "https://b.s3.us-east-1.amazonaws.com/n", "us-east-1"),
        ("us-east-1", None, "b.c/x", "https://s3.us-east-1.amazonaws.com/b.c/x/n", "us-east-1"),
        ("https://minio.example:9000", None, "b/p", "https://minio.example:9000/b/p/n", "us-east-1"),
        ("minio.example", 9000, "b/p", "https://minio.example:9000/b/p/n", "us-east-1"),
        ("http://minio.example/s3/", None, "b", "http://minio.example/s3/b/n", "us-east-1"),
        (WEST, None, "b", f"{WEST}/b/n", "eu-west-3"),
    ],
)  # fmt: skip
def test_the_place_of_a_file_follows_from_the_configuration(
    host: str, port: int | None, path: str, url: str, region: str
) -> None:
    target = s3.target_of(config(host, path, port), "n")
    assert (target.url, target.credentials.region) == (url, region)


def test_a_path_without_a_bucket_is_refused() -> None:
    with pytest.raises(UploadFailed, match="bucket"):
        s3.target_of(config("us-east-1", "/"), "n")
