"""The npm package: what it holds, and how it behaves without a server."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from scripts.clients.reading import WRITTEN_BY_HAND
from tests.support import javascript_package
from tests.support.javascript_package import PACKAGE, PROGRAMS, ROOT, installed, packed, run
from tests.support.openapi import the_document
from tests.support.webhook_samples import SAMPLES

from offhook.webhook_secrets import new_secret
from offhook.webhooks.signing import signed_headers

pytestmark = pytest.mark.skipif(not javascript_package.available, reason="npm packs the package")
NOW = 1_720_000_000
SECRET, OTHER = new_secret(), new_secret()


def case(
    name: str,
    body: bytes,
    outcome: str,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    at: int = NOW,
    sent: bytes | None = None,
    **changed: str,
) -> dict[str, Any]:
    """A delivery as the server signs it, and what the receiver must make of it."""
    headers = signed_headers(secrets, delivery_id="d-1", timestamp=at, body=body)
    headers |= {key.replace("_", "-"): value for key, value in changed.items()}
    data = body if sent is None else sent
    return {
        "name": name,
        "headers": headers,
        "body": base64.b64encode(data).decode(),
        "outcome": outcome,
    }


VCA = SAMPLES["VCA"]
KINDS = {name: json.loads(body).get("eventType") for name, body in SAMPLES.items()}
CASES = [
    *(case(name, SAMPLES[name], kind) for name, kind in KINDS.items() if kind),
    case("of a newer kind", b'{"eventType":"NEW","payload":{}}', "UNKNOWN"),
    case(
        "beside the signature of the secret before",
        VCA,
        "CALL_ACTION",
        secrets=(new_secret(), SECRET),
    ),
    case("just young enough", VCA, "CALL_ACTION", at=NOW - 300),
    case("too old", VCA, "BadSignature", at=NOW - 301),
    case("from the future", VCA, "BadSignature", at=NOW + 301),
    case("altered", VCA, "BadSignature", sent=VCA + b" "),
    case("signed with another secret", VCA, "BadSignature", secrets=(new_secret(),)),
    case("with another id", VCA, "BadSignature", webhook_id="d-2"),
    case("with another time", VCA, "BadSignature", webhook_timestamp=str(NOW - 1)),
    case("without a signature", VCA, "BadSignature", webhook_signature=""),
    case("with a time that is none", VCA, "BadSignature", webhook_timestamp="NaN"),
    case("that is no event", b"[]", "BadPayload"),
    case("that is no JSON", b"{", "BadPayload"),
]


async def test_the_package_behaves_without_a_server(tmp_path: Path) -> None:
    files = await packed(tmp_path)
    given = {"secret": SECRET, "other": OTHER, "now": NOW, "cases": CASES}
    (tmp_path / "package.test.mjs").write_text((PROGRAMS / "package.test.mjs").read_text())
    status, output = await run(
        *("node", "--test", "--test-reporter=tap", "package.test.mjs"),
        cwd=tmp_path,
        OFFHOOK_SIGNED=json.dumps(given),
    )
    assert status == 0, output
    assert re.search(rf"^# pass {13 + len(CASES)}$", output, re.MULTILINE), output
    assert {"index.js", "index.d.ts", "receiver.js", "receiver.d.ts", "README.md"} <= set(files)
    assert not [name for name in files if "test" in name]


def test_each_operation_has_a_method() -> None:
    names = {
        about["operationId"] for item in the_document()["paths"].values() for about in item.values()
    }
    table = (PACKAGE / "generated" / "operations.js").read_text()
    listed = set(re.findall(r"^  (\w+): \{", table, re.MULTILINE))
    assert listed == names - WRITTEN_BY_HAND
    client = (PACKAGE / "index.js").read_text()
    types = (PACKAGE / "index.d.ts").read_text()
    for name in WRITTEN_BY_HAND:
        assert f" {name}(" in client.replace("*", "")
        assert f" {name}(" in types


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_its_types_allow_what_is_right_and_nothing_else(tmp_path: Path) -> None:
    await installed(tmp_path)
    await packed(tmp_path)
    shutil.copy(PROGRAMS / "use.ts", tmp_path)
    status, output = await run(
        *(tmp_path / "node_modules" / ".bin" / "tsc", "--strict", "--noEmit", "--target", "es2022"),
        *(
            "--module",
            "nodenext",
            "--moduleResolution",
            "nodenext",
            "--lib",
            "es2022,dom",
            "use.ts",
        ),
        *("--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"),
        cwd=tmp_path,
    )
    assert (status, output) == (0, "")


def test_no_lock_names_a_registry() -> None:
    lock = json.loads((PROGRAMS / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_it_needs_nothing_and_has_the_licence() -> None:
    about = json.loads((PACKAGE / "package.json").read_text())
    assert "dependencies" not in about
    assert (PACKAGE / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
