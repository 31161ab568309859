"""Database errors are one line with a reason and a place, never a secret."""

from __future__ import annotations

import socket

import pytest

from offhook.store.reasons import place_of, reason


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(111, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ValueError("two\nlines\t here"), "two lines here"),
        (TimeoutError(), "no answer in time"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_a_reason_is_one_line_and_never_empty(error: Exception, text: str) -> None:
    assert reason(error) == text


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "postgresql://me:s3cret@db.example:5433/calls",
            "PostgreSQL at db.example:5433, database calls",
        ),
        ("postgresql://me:s3c@ret@db/calls", "PostgreSQL at db, database calls"),
        ("postgres:///calls", "PostgreSQL at localhost, database calls"),
        ("postgresql://[::1]/", "PostgreSQL at [::1], database of the user"),
    ],
)
def test_a_place_is_host_and_database_without_the_password(url: str, place: str) -> None:
    assert place_of(url) == place
