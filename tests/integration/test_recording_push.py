"""Uploads of recordings to real servers: whole, cut off and resumed, refused."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import msgspec
import pytest
from tests.support.certificates import make_certificate
from tests.support.upload_servers import (
    PASSWORD,
    USER,
    CutLine,
    Octets,
    ftp_server,
    ftps_server,
    s3_server,
    sftp_server,
)

from offhook.clock import SystemClock
from offhook.net.http_client import HttpClient, HttpResponse
from offhook.recording.push.ftp import FtpUploader
from offhook.recording.push.s3 import S3Uploader
from offhook.recording.push.sftp import SftpUploader
from offhook.recording.push.upload import Upload, Uploader, UploadFailed
from offhook.session.tenancy import PushConfig, PushProtocol

NAME = "0193-session/0193-recording_20260703T055932Z.mp3"
CONTENT = os.urandom(3 << 20)


class Customer:
    """Where the uploads of a test go, and what the store keeps of them."""

    def __init__(self, config: PushConfig) -> None:
        self.config = config
        self.progress = ""

    async def upload(self, uploader: Uploader, source: Octets) -> str:
        """One attempt."""
        order = Upload(
            config=self.config,
            name=NAME,
            source=source,
            progress=self.progress,
            note=self._note,
            pin=self._pin,
        )
        return await uploader.upload(order)

    async def _note(self, progress: str) -> None:
        self.progress = progress

    async def _pin(self, host_key: str) -> None:
        self.config = msgspec.structs.replace(self.config, host_key=host_key)


def push(protocol: PushProtocol, port: int | None, **changes: object) -> PushConfig:
    made = PushConfig(
        protocol=protocol,
        host="127.0.0.1",
        port=port,
        username=USER,
        password=PASSWORD,
        path="/calls",
    )
    return msgspec.structs.replace(made, **changes)


# --- S3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with s3_server() as url:
        client = _boto(url)
        client.create_bucket(Bucket="calls")
        yield url


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    made = HttpClient(allow_private=True)
    yield made
    await made.close()


def _boto(url: str):  # type: ignore[no-untyped-def]
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=USER,
        aws_secret_access_key=PASSWORD,
    )


def _object(url: str, key: str) -> bytes:
    with _boto(url).get_object(Bucket="calls", Key=key)["Body"] as body:
        content: bytes = body.read()
        return content


def on_s3(url: str, prefix: str) -> PushConfig:
    return push(PushProtocol.S3, None, host=url, path=f"/calls/{prefix}/")


async def test_a_small_file_goes_to_s3_in_one_request(s3: str, client: HttpClient) -> None:
    location = await Customer(on_s3(s3, "small")).upload(
        S3Uploader(client, SystemClock()), Octets(CONTENT)
    )
    assert location == f"{s3}/calls/small/{NAME}"
    assert _object(s3, f"small/{NAME}") == CONTENT


async def test_an_s3_upload_that_was_cut_off_goes_on_with_the_missing_parts(
    s3: str, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploader = S3Uploader(client, SystemClock(), part=1 << 20)
    customer = Customer(on_s3(s3, "parts"))
    with pytest.raises(OSError, match="killed"):
        await customer.upload(uploader, Octets(CONTENT, breaks_at=2 << 20))
    assert customer.progress
    sent: list[str] = []
    real = client.request

    async def noted(method: str, url: str, **how: Any) -> HttpResponse:
        sent.append(f"{method} {url.partition('?')[2].partition('&')[0]}")
        return await real(method, url, **how)

    monkeypatch.setattr(client, "request", noted)
    await customer.upload(uploader, Octets(CONTENT))
    assert _object(s3, f"parts/{NAME}") == CONTENT
    assert [line for line in sent if line.startswith("PUT")] == ["PUT partNumber=3"]


async def test_an_s3_upload_that_is_given_up_leaves_no_parts(s3: str, client: HttpClient) -> None:
    uploader = S3Uploader(client, SystemClock(), part=1 << 20)
    customer = Customer(on_s3(s3, "given-up"))
    with pytest.raises(OSError, match="killed"):
        await customer.upload(uploader, Octets(CONTENT, breaks_at=2 << 20))
    assert _begun(s3) == [f"given-up/{NAME}"]
    await uploader.abandon(customer.config, NAME, customer.progress)
    assert _begun(s3) == []
    await uploader.abandon(customer.config, NAME, customer.progress)  # it is gone already
    await uploader.abandon(customer.config, NAME, "")


def _begun(url: str) -> list[str]:
    """The multipart uploads that are under way."""
    listed = _boto(url).list_multipart_uploads(Bucket="calls")
    return [each["Key"] for each in listed.get("Uploads", []) if "given-up" in each["Key"]]


async def test_a_line_to_s3_that_breaks_is_an_upload_that_failed(
    s3: str, client: HttpClient
) -> None:
    async with CutLine(int(s3.rpartition(":")[2]), 200_000) as line:
        customer = Customer(on_s3(f"http://127.0.0.1:{line.port}", "broken"))
        with pytest.raises(UploadFailed, match="broke off"):
            await customer.upload(S3Uploader(client, SystemClock()), Octets(CONTENT))


async def test_a_bucket_that_is_not_there_is_said(s3: str, client: HttpClient) -> None:
    customer = Customer(push(PushProtocol.S3, None, host=s3, path="nowhere/x"))
    with pytest.raises(UploadFailed, match="404 NoSuchBucket"):
        await customer.upload(S3Uploader(client, SystemClock()), Octets(b"abc"))


async def test_private_addresses_are_refused_by_every_protocol(s3: str) -> None:
    closed = HttpClient(allow_private=False)
    for uploader, config in (
        (S3Uploader(closed, SystemClock()), on_s3(s3, "x")),
        (SftpUploader(allow_private=False), push(PushProtocol.SFTP, 22)),
        (FtpUploader(allow_private=False), push(PushProtocol.FTP, 21)),
    ):
        with pytest.raises(UploadFailed, match="not public"):
            await Customer(config).upload(uploader, Octets(b"abc"))
    await closed.close()


# --- SFTP


async def test_sftp_uploads_and_trusts_the_first_host_key(tmp_path: Path) -> None:
    async with sftp_server(tmp_path / "root") as server:
        customer = Customer(push(PushProtocol.SFTP, server.port))
        location = await customer.upload(SftpUploader(allow_private=True), Octets(CONTENT))
        assert location == f"sftp://127.0.0.1:{server.port}/calls/{NAME}"
        assert (server.folder / "calls" / NAME).read_bytes() == CONTENT
        assert not list(server.folder.rglob("*.part"))
        assert customer.config.host_key == server.key.export_public_key().decode().strip()
        await customer.upload(SftpUploader(allow_private=True), Octets(CONTENT[:10]))
        assert (server.folder / "calls" / NAME).read_bytes() == CONTENT[:10]


async def test_another_host_key_gets_neither_password_nor_file(tmp_path: Path) -> None:
    async with sftp_server(tmp_path / "root") as server:
        customer = Customer(push(PushProtocol.SFTP, server.port))
        await customer.upload(SftpUploader(allow_private=True), Octets(b"first"))
        port = server.port
    async with sftp_server(tmp_path / "other", port=port) as impostor:
        with pytest.raises(UploadFailed, match="nothing was sent"):
            await customer.upload(SftpUploader(allow_private=True), Octets(CONTENT))
        assert list(impostor.folder.iterdir()) == []
        fingerprint = impostor.key.get_fingerprint()
        customer.config = msgspec.structs.replace(customer.config, host_key=fingerprint)
        await customer.upload(SftpUploader(allow_private=True), Octets(CONTENT))


async def test_an_sftp_upload_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    uploader = SftpUploader(allow_private=True)
    async with (
        sftp_server(tmp_path / "root") as server,
        CutLine(server.port, 1_500_000) as line,
    ):
        fingerprint = server.key.get_fingerprint()
        customer = Customer(push(PushProtocol.SFTP, line.port, host_key=fingerprint))
        with pytest.raises(UploadFailed):
            await customer.upload(uploader, Octets(CONTENT))
        (part,) = server.folder.rglob("*.part")
        there = part.stat().st_size
        assert 500_000 < there < len(CONTENT)
        line.octets = None
        source = Octets(CONTENT)
        await customer.upload(uploader, source)
        assert source.read_from[0] == there
        assert (server.folder / "calls" / NAME).read_bytes() == CONTENT


async def test_a_wrong_password_and_a_full_disk_are_said(tmp_path: Path) -> None:
    uploader = SftpUploader(allow_private=True)
    async with sftp_server(tmp_path / "root") as server:
        wrong = Customer(push(PushProtocol.SFTP, server.port, password="wrong"))
        with pytest.raises(UploadFailed, match="refused user name and password"):
            await wrong.upload(uploader, Octets(CONTENT))
        server.disk.room = 1_000_000
        customer = Customer(push(PushProtocol.SFTP, server.port))
        with pytest.raises(UploadFailed, match="No space left"):
            await customer.upload(uploader, Octets(CONTENT))
        server.disk.room = None
        await customer.upload(uploader, Octets(CONTENT))
        assert (server.folder / "calls" / NAME).read_bytes() == CONTENT


async def test_a_private_key_in_place_of_a_password_is_used_as_one(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with sftp_server(tmp_path / "root") as server:
        pem = key.export_private_key().decode()
        customer = Customer(push(PushProtocol.SFTP, server.port, password=pem))
        with pytest.raises(UploadFailed, match="refused"):  # this server takes passwords only
            await customer.upload(SftpUploader(allow_private=True), Octets(b"abc"))


# --- FTP


async def test_ftp_uploads_and_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    uploader = FtpUploader(allow_private=True)
    with ftp_server(tmp_path / "root") as port:
        customer = Customer(push(PushProtocol.FTP, port))

        def arrived() -> bool:
            return any(part.stat().st_size for part in (tmp_path / "root").rglob("*.part"))

        with pytest.raises(UploadFailed, match="killed"):
            await customer.upload(uploader, Octets(CONTENT, breaks_at=1 << 20, arrived=arrived))
        (part,) = (tmp_path / "root").rglob("*.part")
        source = Octets(CONTENT)
        location = await customer.upload(uploader, source)
        assert 0 < source.read_from[0] <= 1 << 20
        assert location == f"ftp://127.0.0.1:{port}/calls/{NAME}"
        assert (tmp_path / "root" / "calls" / NAME).read_bytes() == CONTENT
        assert not part.exists()
        await customer.upload(uploader, Octets(CONTENT[:10]))
        assert (tmp_path / "root" / "calls" / NAME).read_bytes() == CONTENT[:10]


async def test_a_wrong_ftp_password_is_said_without_the_password(tmp_path: Path) -> None:
    with ftp_server(tmp_path / "root") as port:
        customer = Customer(push(PushProtocol.FTP, port, password="wrong-one"))
        with pytest.raises(UploadFailed, match="530") as failed:
            await customer.upload(FtpUploader(allow_private=True), Octets(CONTENT))
    assert "wrong-one" not in str(failed.value)


async def test_ftps_uploads_to_a_server_with_a_good_certificate_only(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "files")
    with ftps_server(tmp_path / "root", certificate, key) as port:
        folder = str(tmp_path / "root" / "files")
        config = push(PushProtocol.FTPS, port, username="anonymous", path=folder)
        with pytest.raises(UploadFailed, match="TLS"):
            await Customer(config).upload(FtpUploader(allow_private=True), Octets(CONTENT))
        trusting = ssl.create_default_context(cafile=str(certificate))
        uploader = FtpUploader(allow_private=True, tls=trusting)
        location = await Customer(config).upload(uploader, Octets(CONTENT))
        assert location == f"ftps://127.0.0.1:{port}{folder}/{NAME}"
        assert (tmp_path / "root" / "files" / NAME).read_bytes() == CONTENT
