"""Keys in INFO requests, as phones and gateways write them."""

from __future__ import annotations

import pytest

from offhook.sip import dtmf_of_info


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5"),
        ("application/dtmf-relay", b"Signal= 5\nDuration= 160\n", "5"),
        ("Application/DTMF-Relay; x=y", b"signal: *\r\n", "*"),
        ("application/dtmf-relay", b"Duration=160\r\nSignal=#", "#"),
        ("application/dtmf-relay", b"Signal=10\r\n", "*"),
        ("application/dtmf-relay", b"Signal=11\r\n", "#"),
        ("application/dtmf-relay", b"Signal=15\r\n", "D"),
        ("application/dtmf-relay", b"Signal=a\r\n", "A"),
        ("application/dtmf", b"7", "7"),
        ("application/dtmf", b" 9 \r\n", "9"),
        ("application/dtmf-relay", b"Signal=\r\n", None),
        ("application/dtmf-relay", b"Signal=16\r\n", None),
        ("application/dtmf-relay", b"Duration=160\r\n", None),
        ("application/dtmf-relay", b"\xff\xfe", None),
        ("application/dtmf", b"", None),
        ("application/dtmf", b"10", "*"),
        ("application/dtmf", b"123", None),
        ("application/dtmf", b"hello", None),
        ("text/plain", b"5", None),
        ("", b"5", None),
    ],
)
def test_the_key_of_an_info(kind: str, body: bytes, key: str | None) -> None:
    assert dtmf_of_info(kind, body) == key
