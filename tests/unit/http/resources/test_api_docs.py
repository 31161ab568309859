"""``docs/api.md`` says what the server does: its endpoints, scopes, examples and limits."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.support.http_world import ACME, FakeProfiles
from tests.support.openapi import the_document

from offhook.flow.judge import judge_value
from offhook.http.callflow_answers import CallflowRefused
from offhook.http.deps import HttpLimits
from offhook.http.edge.paths import PAGES
from offhook.http.refusals import ErrorBody
from offhook.session.scopes import Scope
from offhook.session.tenancy import facts_of

PAGE = (Path(__file__).parents[4] / "docs" / "api.md").read_text("utf-8")
OLDEST = "/api/v1/{subAccountId}/calls"
ROOT = "/api/v1/subaccounts/{subAccountId}"
CALL = re.compile(r"^\| `([A-Z]+) (/\S+)` \|(?: `([\w:]+)` \|)?", re.MULTILINE)


def documented_calls() -> set[tuple[str, str]]:
    calls = set()
    for method, path, _ in CALL.findall(PAGE):
        calls.add((method.lower(), path if path.startswith("/admin") else ROOT + path))
    return calls


def test_the_page_lists_exactly_the_endpoints_of_the_document() -> None:
    served = {
        (method, path)
        for path, item in the_document()["paths"].items()
        for method in item
        if path not in PAGES and path != OLDEST
    }
    assert documented_calls() == served


def test_the_page_names_the_oldest_path() -> None:
    assert f"POST {OLDEST}" in PAGE


def test_the_page_names_every_page_at_the_root() -> None:
    for path in PAGES:
        assert f"`GET {path}`" in PAGE


def test_every_scope_it_names_exists_and_every_scope_is_named() -> None:
    named = {scope for _, _, scope in CALL.findall(PAGE) if scope}
    assert named == {scope.value for scope in Scope}


def test_its_requests_pass_the_judgement() -> None:
    requests = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert requests
    for request in requests:
        verdict = judge_value(
            json.loads(request), facts_of(ACME, FakeProfiles()), datetime.now(UTC)
        )
        assert verdict.callflow is not None, verdict.summary


def test_its_answers_are_of_the_types_the_server_sends() -> None:
    answers = re.findall(r"```json answer\n(.*?)```", PAGE, re.DOTALL)
    rejected, problem = answers
    msgspec.json.decode(rejected, type=CallflowRefused)
    msgspec.json.decode(problem, type=ErrorBody)


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("requests of a sub-account |", f"{HttpLimits().sub_account_rate:,.0f} a second"),
        ("requests of an address (", f"{HttpLimits().address_rate:,.0f} a second"),
        ("body, as sent", f"{HttpLimits().body_bytes // 1024} KiB"),
        ("request line and headers", f"{HttpLimits().header_bytes // 1024} KiB"),
        ("until the headers", f"{HttpLimits().header_seconds:.0f} s"),
        ("until the body", f"{HttpLimits().body_seconds:.0f} s"),
        ("connections |", f"{HttpLimits().connections:,}, or as many"),
        ("connections of an address |", f"{HttpLimits().address_connections:,}"),
        ("connections of an address whose", f"{HttpLimits().address_half_open}"),
        ("requests of a sub-account that", f"{HttpLimits().sub_account_requests}"),
        ("event streams |", f"{HttpLimits().streams}"),
        ("event streams of a sub-account", f"{HttpLimits().sub_account_streams}"),
        ("event streams of an address", f"{HttpLimits().address_streams}"),
    ],
)
def test_its_limits_are_the_servers(what: str, limit: str) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {what}")]
    assert f"| {limit}" in row
