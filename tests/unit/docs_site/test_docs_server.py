"""The documentation's server: what it answers, and what no request gets."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from offhook.docs_site.docs_server import listening, make_app

FILES = {
    "index.html": b"<p>home",
    "codes/index.html": b"<p>codes",
    "api.md": b"# API",
    "images/x.svg": b"<svg/>",
    "static/docs.js": b"x",
    "files/deploy/compose.yaml": b"a: 1",
}


def ask(path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    app = make_app(FILES)
    asyncio.run(app({"type": "http", "method": method, "path": path}, receive, send))
    start, body = sent
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/", "text/html; charset=utf-8", b"<p>home"),
        ("/codes/", "text/html; charset=utf-8", b"<p>codes"),
        ("/api.md", "text/markdown; charset=utf-8", b"# API"),
        ("/images/x.svg", "image/svg+xml", b"<svg/>"),
        ("/static/docs.js", "text/javascript; charset=utf-8", b"x"),
        ("/files/deploy/compose.yaml", "text/plain; charset=utf-8", b"a: 1"),
    ],
)
def test_files_have_their_kind(path: str, kind: str, body: bytes) -> None:
    status, headers, got = ask(path)
    assert (status, headers["content-type"], got) == (200, kind, body)
    assert headers["content-length"] == str(len(body))


def test_head_has_the_length_and_no_body() -> None:
    status, headers, body = ask("/api.md", "HEAD")
    assert (status, headers["content-length"], body) == (200, "5", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/codes/../../../etc/passwd",
        "//etc/passwd",
        "/static/..%2f..%2fsecret",
        "/.git/config",
        "/index.html\x00",
        "/static",
    ],
)
def test_no_path_leads_out_of_the_site(path: str) -> None:
    status, headers, _ = ask(path)
    assert status == 404
    assert headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    status, headers, _ = ask("/", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_pages_may_load_from_the_site_only_and_run_nothing_inline() -> None:
    _, headers, _ = ask("/")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_it_listens_on_loopback_only() -> None:
    with listening(0) as socket:
        assert socket.getsockname()[0] == "127.0.0.1"
