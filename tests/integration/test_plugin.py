"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

QUIET = ("-p", "no:cacheprovider", "-p", "no:asyncio")

TEST = """
CALL = {"action": "makeCall", "params": {"source": "+6512341234", "destination": "+12025550100"}}
SAY = {"action": "say", "params": {"text": "Hello.", "language": "en-US"}}
HANGUP = {"action": "hangup"}

def test_passes(offhook):
    assert offhook.call([CALL, SAY, HANGUP]).spoken == ["Hello."]

def test_fails(offhook):
    assert offhook.call([CALL, SAY, HANGUP]).spoken == ["Goodbye."]

def test_forgets(offhook):
    offhook.phone("+12025550122").hears("anything")
"""


def test_the_fixture_and_what_a_failure_shows(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess(*QUIET)
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ScriptNotFollowed: +12025550122 was never called: the step*",
            "*offhook <session COMPLETED>*",
            "*1.00 s  Offhook says 'Hello.'",
        ]
    )


def test_a_project_names_its_configuration(pytester: pytest.Pytester) -> None:
    Path(pytester.path, "offhook.toml").write_text(
        '[[subaccounts]]\nid = "acme"\naccount = "acme"\ncaller_ids = ["+6512341234"]\n'
    )
    pytester.makeini("[pytest]\noffhook_config = offhook.toml\noffhook_subaccount = acme\n")
    pytester.makepyfile(
        TEST + "\ndef test_whose(offhook):\n"
        "    call = offhook.call([CALL, SAY, HANGUP])\n"
        '    assert call.summary["subAccountId"] == "acme"\n'
    )
    result = pytester.runpytest_subprocess(*QUIET, "-k", "passes or whose")
    result.assert_outcomes(passed=2, deselected=2)
