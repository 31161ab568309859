"""``offhook phones``: what the operator sees."""

from __future__ import annotations

from offhook.commands.phone_commands import phones_text


def test_the_phones_stand_in_a_table() -> None:
    phone = {
        "user": "alice",
        "number": "+12025550123",
        "address": "udp:198.51.100.7:5060",
        "contact": "sip:alice@192.168.1.2",
        "userAgent": "Zoiper",
        "registeredAt": "2026-11-28T06:00:00.000Z",
        "expiresAt": "2026-11-28T07:00:00.000Z",
        "node": "n1",
    }
    head, row = phones_text({"phones": [phone]}).splitlines()[:2]
    assert head.split() == ["USER", "NUMBER", "ADDRESS", "PHONE", "SINCE", "UNTIL"]
    assert row.split()[:4] == ["alice", "+12025550123", "udp:198.51.100.7:5060", "Zoiper"]


def test_no_phone_is_said_in_words() -> None:
    assert phones_text({"phones": []}) == "No phone is registered."
