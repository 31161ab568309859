"""``docs/codes``: a page for every code, whose bodies do what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.flow.flow_requests import FACTS, NO_VCA, judged

from offhook.codes import RuntimeCode, StatusCode
from offhook.flow.lint import lint_text, offline_facts

PAGES = Path(__file__).parents[2] / "docs" / "codes"
JSON_BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)
NOT_JUDGED = {
    StatusCode.UNKNOWN_ERROR,
    StatusCode.UNAUTHORIZED,
    StatusCode.SUB_ACCOUNT_NOT_FOUND,
    StatusCode.TOO_MANY_REQUESTS,
    StatusCode.UNAVAILABLE,
}
JUDGED = [code for code in StatusCode if code not in NOT_JUDGED]


def page(code: StatusCode) -> str:
    """The text of a code's page."""
    return (PAGES / code.page).read_text("utf-8")


def bodies(code: StatusCode) -> list[bytes]:
    """The JSON bodies on a code's page."""
    return [block.encode() for block in JSON_BLOCK.findall(page(code))]


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {path.name for path in PAGES.iterdir()} == {
        "README.md",
        *(code.page for code in StatusCode),
    }


@pytest.mark.parametrize("code", StatusCode)
def test_a_page_begins_with_its_code_message_and_status(code: StatusCode) -> None:
    title, status = page(code).splitlines()[0:3:2]
    assert title.startswith(f"# {code} {code.message.rstrip()}")
    assert status == f"HTTP {code.http_status}"


@pytest.mark.parametrize("code", [code for code in JUDGED if code is not StatusCode.CREATED])
def test_a_pages_first_body_causes_the_code_and_the_second_mends_it(code: StatusCode) -> None:
    facts = NO_VCA if code is StatusCode.DTMF_CALLBACK else FACTS
    bad, good = (judged(body, facts) for body in bodies(code))
    assert [problem.code for problem in bad.problems] == [code]
    assert bad.http_status == code.http_status
    assert good.problems == ()


def test_the_body_of_the_page_of_1_is_accepted() -> None:
    (body,) = bodies(StatusCode.CREATED)
    assert judged(body).problems == ()
    assert lint_text("1.md", body, offline_facts()) == []


def test_codes_that_no_body_causes_show_none() -> None:
    assert all(bodies(code) == [] for code in NOT_JUDGED)


def test_the_overview_lists_every_code() -> None:
    overview = (PAGES / "README.md").read_text("utf-8")
    for code in StatusCode:
        row = f"| [{code}]({code.page}) | {code.message.rstrip()}"
        assert row in overview
        assert f"| {code.http_status} |" in overview[overview.index(row) :].splitlines()[0]
    for runtime in RuntimeCode:
        assert f"| {runtime} | {runtime.message} |" in overview
