"""A password that stands in a URL is never shown."""

from __future__ import annotations

import pytest

from offhook.net.shown_url import shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@a.example/x", "https://user:***@a.example/x"),
        ("https://:secret@a.example/", "https://:***@a.example/"),
        ("HTTPS://u:p:q@a.example", "HTTPS://u:***@a.example"),
        ("https://u:p@b@a.example/", "https://u:***@a.example/"),
        ("https://user@a.example/", "https://user@a.example/"),
        ("https://a.example:8443/x", "https://a.example:8443/x"),
        ("https://a.example/x:y@z", "https://a.example/x:y@z"),
        ("https://a.example:8443?u:p@x", "https://a.example:8443?u:p@x"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown
