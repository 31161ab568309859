"""``offhook phones``: the phones that are registered; with an admin key."""

from __future__ import annotations

from typing import Any

from offhook.commands.common import Json, emit, table
from offhook.commands.server_options import OPERATOR, Operator
from offhook.commands.times import local


def phones(*, operator: Operator = OPERATOR, json: Json = False) -> None:
    """List the registered phones: whose, where, until when; times are local."""
    answer = operator.client().get("/phones")
    emit(json, answer, phones_text(answer))


def phones_text(answer: dict[str, Any]) -> str:
    """The phones as a table."""
    if not answer["phones"]:
        return "No phone is registered."
    rows = [
        (
            phone["user"],
            phone.get("number") or "",
            phone["address"],
            phone["userAgent"],
            local(phone["registeredAt"]),
            local(phone["expiresAt"]),
        )
        for phone in answer["phones"]
    ]
    return table(("USER", "NUMBER", "ADDRESS", "PHONE", "SINCE", "UNTIL"), rows)
