"""The page of the API's documentation in a real browser: a person gives a key and tries requests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.integration.test_http_generated_clients import run
from tests.support.http_world import KEY, running_world

HERE = Path(__file__).parent


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_a_request_tried_in_the_docs_page_is_answered(tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None or shutil.which("npm") is None:
        pytest.skip("needs chromium, and npm for what drives it")
    shutil.copytree(HERE / "browser", tmp_path, dirs_exist_ok=True)
    install = ("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    status, output = await run(*install, cwd=tmp_path)
    assert status == 0, output
    async with running_world() as world:
        root = world.url("/").rstrip("/")
        picture = tmp_path / "docs.png"
        status, output = await run(
            *("node", "try_it.js", root, KEY, chromium, picture), cwd=tmp_path
        )
    assert status == 0, output
    shown = json.loads(output.splitlines()[-1])
    listed = json.loads(shown["listed"]["body"])
    assert (shown["listed"]["status"], listed["webhooks"][0]["type"]) == ("200", "VCA")
    judged = json.loads(shown["judged"]["body"])
    assert (shown["judged"]["status"], judged["statusCode"]) == ("400", -1009)
    assert shown["elsewhere"] == [], "the page asked another server"
    # The browser itself notes each answer of 4xx: the one above. The policy stops nothing of the page.
    assert len(shown["complaints"]) == 1
    assert "400" in shown["complaints"][0]


def test_the_lock_of_the_browsers_driver_names_no_registry() -> None:
    lock = json.loads((HERE / "browser" / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
