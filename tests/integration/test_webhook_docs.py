"""``docs/webhooks.md``: its bodies, its answers, and its two examples that verify a signature."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.webhook_samples import SAMPLES

from offhook.flow.judge import judge
from offhook.flow.lint import offline_facts
from offhook.flow.problems import Mode
from offhook.webhook_secrets import new_secret
from offhook.webhooks.signing import signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: ([\w-]+))?\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

SECRET = new_secret()
BODY = '{"text":"größer ☎"}'.encode()
NOW = 1_720_000_000
ID = "01906f5b-a3c2-7a3b-8f27-3f6a1c0d9e58"

Verify = Callable[[str, dict[str, str], bytes], str | None]
"""The id; None: refused."""


def example(language: str) -> str:
    (code,) = (str(text) for kind, _, text in BLOCKS if kind == language)
    return code


@pytest.mark.parametrize("name", SAMPLES)
def test_every_body_is_shown_as_it_is_sent(name: str) -> None:
    shown = [text for kind, label, text in BLOCKS if (kind, label) == ("json", name)]
    assert [json.loads(text) for text in shown] == [json.loads(SAMPLES[name])]


def test_every_member_of_the_bodies_with_several_forms_is_explained() -> None:
    for status in ("CALL_RECEIVED", "CALL_UPDATED", "CALL_DISCONNECTED", "ACTION_COMPLETED"):
        assert f"`{status}`" in PAGE


def test_the_answers_are_valid_decisions() -> None:
    answers = [text for kind, label, text in BLOCKS if (kind, label) == ("json", "decision")]
    assert len(answers) == 2
    for text in answers:
        verdict = judge(text.encode(), offline_facts(), datetime.now(UTC), mode=Mode.DECISION)
        assert verdict.problems == ()


def in_python(secret: str, headers: dict[str, str], body: bytes) -> str | None:
    names: dict[str, Any] = {}
    exec(example("python"), names)
    try:
        delivery_id: str = names["verify"](secret, headers, body, now=NOW)
    except ValueError:
        return None
    return delivery_id


DRIVER = """
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const given = JSON.parse(readFileSync(0, "utf8"));
let id = null;
try {
  id = verify(given.secret, given.headers, Buffer.from(given.body, "base64"), given.now);
} catch (error) {
  if (!/too old|not signed/.test(error.message)) throw error;
}
console.log(JSON.stringify(id));
"""


@pytest.fixture(params=["python", "javascript"])
def verify(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Verify]:
    if request.param == "python":
        yield in_python
        return
    (tmp_path / "verify.mjs").write_text(example("javascript"), "utf-8")
    (tmp_path / "driver.mjs").write_text(DRIVER, "utf-8")

    def in_javascript(secret: str, headers: dict[str, str], body: bytes) -> str | None:
        given = {"secret": secret, "headers": headers, "now": NOW}
        given["body"] = base64.b64encode(body).decode()
        done = subprocess.run(
            ["node", "driver.mjs"],
            cwd=tmp_path,
            input=json.dumps(given).encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        delivery_id: str | None = json.loads(done.stdout)
        return delivery_id

    yield in_javascript


def headers(timestamp: int = NOW, secret: str = SECRET) -> dict[str, str]:
    return signed_headers((secret,), delivery_id=ID, timestamp=timestamp, body=BODY)


def test_the_example_takes_a_genuine_delivery(verify: Verify) -> None:
    assert verify(SECRET, headers(), BODY) == ID
    several = headers()
    several["webhook-signature"] = "v1,bm8= " + several["webhook-signature"] + " v2,x"
    assert verify(SECRET, several, BODY) == ID


def test_the_example_refuses_every_other(verify: Verify) -> None:
    assert verify(SECRET, headers(), BODY + b" ") is None
    assert verify(new_secret(), headers(), BODY) is None
    assert verify(SECRET, headers(NOW - 301), BODY) is None
    assert verify(SECRET, headers(NOW + 301), BODY) is None
    assert verify(SECRET, headers() | {"webhook-id": "other"}, BODY) is None
    assert verify(SECRET, headers() | {"webhook-timestamp": str(NOW - 1)}, BODY) is None
    assert verify(SECRET, headers() | {"webhook-signature": ""}, BODY) is None
