"""``offhook recordings`` against a small HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from offhook.cli import main

SESSION = "0193c2a4-7d1e-7000-8000-000000000000"
CONTENT = b"ID3" + bytes(200_000)


class Api:
    """A server that knows one session."""

    def __init__(self) -> None:
        self.recordings: list[dict[str, Any]] = []
        self.asked: list[str] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append(f"{self.command} {self.path}")
                body = CONTENT
                if self.path.startswith("/api/"):
                    body = json.dumps(
                        {"recordings": api.recordings, "recordingIds": ["r1"]}
                    ).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_DELETE(self) -> None:
                self.do_GET()

            def log_message(self, *_what: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def recording(self, **changes: Any) -> None:
        """The session has a recording."""
        link = f"{self.url}/recordings/r1/r1_20260703T055932Z.mp3?expires=9&signature=x"
        made = {
            "recordingId": "r1",
            "startRecordingTime": "2026-07-03T05:59:32Z",
            "status": "UPLOAD_COMPLETED",
            "duration": 12,
            "externalFileUrl": link,
        }
        self.recordings.append({k: v for k, v in (made | changes).items() if v is not None})


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def run(capsys: pytest.CaptureFixture[str], api: Api, *arguments: str) -> tuple[int, str, str]:
    command = ["recordings", *arguments, "--url", api.url, "--api-key", "k"]
    status = main(command)
    out, err = capsys.readouterr()
    return status, out, err


def test_list_shows_where_each_recording_is(capsys: pytest.CaptureFixture[str], api: Api) -> None:
    api.recording()
    status, out, _ = run(capsys, api, "list", SESSION)
    assert status == 0
    assert out.splitlines()[1].startswith(
        "r1         2026-07-03T05:59:32Z  12 s    UPLOAD_COMPLETED"
    )


def test_a_session_without_one_says_so(capsys: pytest.CaptureFixture[str], api: Api) -> None:
    assert run(capsys, api, "list", SESSION)[1] == f"session {SESSION} was not recorded\n"
    status, _, err = run(capsys, api, "get", SESSION)
    assert status == 1
    assert "was not recorded" in err


def test_get_writes_the_file_under_its_own_name(
    capsys: pytest.CaptureFixture[str],
    api: Api,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    api.recording()
    assert run(capsys, api, "get", SESSION)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["r1_20260703T055932Z.mp3"]
    assert (tmp_path / "r1_20260703T055932Z.mp3").read_bytes() == CONTENT


def test_get_says_where_an_uploaded_one_is_and_what_one_waits_for(
    capsys: pytest.CaptureFixture[str], api: Api
) -> None:
    api.recording(externalFileUrl="sftp://files.example/calls/r1.mp3")
    assert "it is at sftp://files.example" in run(capsys, api, "get", SESSION)[2]
    api.recording(externalFileUrl=None, status="PROCESSING", detail="the server answered 503")
    assert "PROCESSING, the server answered 503" in run(capsys, api, "get", SESSION)[2]


def test_erase_asks_the_server(capsys: pytest.CaptureFixture[str], api: Api) -> None:
    status, out, _ = run(capsys, api, "erase", SESSION)
    assert (status, out) == (0, "1 erased\n")
    assert api.asked == [f"DELETE /api/v1/subaccounts/demo/recordings/{SESSION}"]
