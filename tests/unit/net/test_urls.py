"""Which URLs may be asked, and what a redirect changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from offhook.net.outgoing_errors import InvalidUrl
from offhook.net.urls import parse_url, redirect_target, redirected_headers, redirected_method


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "https://example.com:8443/a?b=c#d",
        "http://127.0.0.1:80/",
        "http://[::1]:8080/",
        "https://u:p@example.com/",
        "https://bücher.example/ä",
        "HTTPS://EXAMPLE.COM/",
    ],
)
def test_absolute_http_urls_are_accepted(text: str) -> None:
    assert parse_url(text).host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/x",
        "//example.com/x",
        "/x",
        "http:x",
        "http:///x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://exam ple.com/",
        "http://example.com/\r\nX: y",
        "http://example.com/\x00",
        "http://example.com\\@evil.example/",
        "http://[::1/",
        "http://example.com/" + "a" * 2048,
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidUrl):
        parse_url(text)


def test_http_is_refused_where_only_https_is_allowed() -> None:
    assert parse_url("https://example.com/", allow_http=False)
    with pytest.raises(InvalidUrl, match="only https"):
        parse_url("http://example.com/", allow_http=False)


def test_no_text_repeats_the_url() -> None:
    with pytest.raises(InvalidUrl) as caught:
        parse_url("http://user:hunter2@example.com:99999/secret")
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_judged(text: str) -> None:
    try:
        parse_url("http://" + text)
    except InvalidUrl:
        return


@pytest.mark.parametrize(
    ("status", "location", "expected"),
    [
        (302, "/b", "https://a.example/b"),
        (301, "c?d=e", "https://a.example/x/c?d=e"),
        (308, "https://b.example/", "https://b.example/"),
        (302, None, None),
        (200, "/b", None),
        (304, "/b", None),
    ],
)
def test_where_an_answer_redirects(status: int, location: str | None, expected: str | None) -> None:
    current = URL("https://a.example/x/y")
    found = redirect_target(status, location, current, allow_http=True)
    assert found == (URL(expected) if expected else None)


@pytest.mark.parametrize(
    "location", ["http://a.example/", "file:///etc/passwd", "gopher://x/", "http://[::1", "//\\x"]
)
def test_a_redirect_that_is_no_url_or_leaves_tls_is_refused(location: str) -> None:
    with pytest.raises(InvalidUrl):
        redirect_target(302, location, URL("https://a.example/"), allow_http=True)


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (302, "GET", "GET"),
    ],
)
def test_the_method_after_a_redirect(status: int, method: str, expected: str) -> None:
    assert redirected_method(status, method) == expected


HERE = "http://example.com:8443/a"


@pytest.mark.parametrize(
    ("target", "same"),
    [
        ("http://example.com:8443/b", True),
        ("HTTP://user@EXAMPLE.com:8443/", True),
        ("https://example.com:8443/a", False),
        ("http://example.com:8444/a", False),
        ("http://example.com/a", False),
        ("http://www.example.com:8443/a", False),
    ],
)
def test_credentials_stay_with_their_origin(target: str, same: bool) -> None:
    headers = {"Authorization": "x", "cookie": "c", "content-type": "y", "X-Other": "z"}
    kept = redirected_headers(headers, parse_url(HERE), parse_url(target), keeps_body=True)
    assert kept == (headers if same else {"content-type": "y", "X-Other": "z"})


def test_headers_of_a_body_stay_with_the_body() -> None:
    headers = {"Authorization": "x", "content-type": "y", "X-Other": "z"}
    here = parse_url(HERE)
    kept = redirected_headers(headers, here, here, keeps_body=False)
    assert kept == {"Authorization": "x", "X-Other": "z"}
