"""Calls from outside that are refused: what the operator reads of them."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from offhook.telephony import inbound_refusals
from offhook.telephony.inbound_refusals import LOGGED_EVERY, InboundRefusals, RefusalReason


def test_a_flood_is_one_line_a_second_with_the_number_of_the_others(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(inbound_refusals, "time", SimpleNamespace(monotonic=lambda: clock.now))
    refusals = InboundRefusals()
    for number in range(5):
        source = f"address 203.0.113.{number}"
        refusals.refused(source, RefusalReason.UNKNOWN_ADDRESS, "it is no trunk's address: 403")
    refusals.refused("trunk carrier", RefusalReason.SPENT_OUT, "sub-account acme: spent: 480")
    clock.now += LOGGED_EVERY
    refusals.refused("address 203.0.113.9", RefusalReason.UNKNOWN_ADDRESS, "again: 403")
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("INFO", "address 203.0.113.0: a call is refused: it is no trunk's address: 403"),
        ("INFO", "trunk carrier: a call is refused: sub-account acme: spent: 480"),
        (
            "INFO",
            "address 203.0.113.9: a call is refused: again: 403 (4 more since the last such line)",
        ),
    ]


def test_a_flood_of_bans_is_one_line_a_second_too(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(inbound_refusals, "time", SimpleNamespace(monotonic=lambda: clock.now))
    refusals = InboundRefusals()
    for number in range(100):
        refusals.banned(f"203.0.113.{number}", 600, "scanner")
    clock.now += LOGGED_EVERY
    refusals.banned("203.0.113.200", 600, "scanner")
    assert [one.message for one in caplog.records] == [
        "address 203.0.113.0: banned for 600 s: scanner",
        "address 203.0.113.200: banned for 600 s: scanner (99 more since the last such line)",
    ]
