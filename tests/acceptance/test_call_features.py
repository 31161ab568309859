"""What carriers ask of a call besides its audio: redirections, and signatures on callers' numbers."""

from __future__ import annotations

import json
import re
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import jwt
import pytest
from tests.support import sipp
from tests.support.receiver import Received, Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.sipp import Sipp
from tests.support.stir_certificates import Authority, certificate

from offhook.commands.session_text import session_text
from offhook.events import Attestation
from offhook.telephony.stir.passports import sign

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")

NUMBER, OURS, CALLER = "+12025550100", "+6568332048", "+12025550123"
TRANSFERS, ELSEWHERE = "+447700900123", "+447700900456"


@pytest.mark.parametrize(("followed", "expected"), [(1, "COMPLETED"), (0, "FAILED")])
async def test_a_302_leads_to_another_trunk_where_that_is_allowed(
    tmp_path: Path, followed: int, expected: str
) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        phone = await stack.enter_async_context(Sipp("answer", tmp_path, log_messages=True))
        contact = f"sip:{NUMBER}@127.0.0.1:{phone.port}"
        moved = await stack.enter_async_context(Sipp("moved", tmp_path, keys={"contact": contact}))
        config = configuration(
            {"": moved.address, "+999": phone.address}, webhooks={"VSS": receiver.url("/vss")}
        )
        config["routes"][0]["trunks"] = ["carrier-0", "carrier-1"]
        config["trunks"][0]["redirects"] = followed
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        session = await server.place(voice_message(NUMBER, "Hello."))
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
        summary = receiver.at("/vss")[0].payload
        assert summary["sessionStatus"] == expected
        assert [len(ids) for ids in phone.invites().values()] == [1] * followed
        (leg,) = (await server.session(session))["legs"]
        assert leg["trunk"] == f"carrier-{followed}"
        if not followed:
            assert leg["sipCode"] == 302


@pytest.mark.parametrize(
    ("refer", "answer", "called"),
    [("followed", 202, [NUMBER, TRANSFERS, ELSEWHERE]), ("refused", 603, [NUMBER, TRANSFERS])],
)
async def test_leg_b_transfers_the_call_where_its_trunk_allows_it(
    tmp_path: Path, refer: str, answer: int, called: list[str]
) -> None:
    keys = {"refer_to": ELSEWHERE, "answer_to_refer": answer}
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        phone = await stack.enter_async_context(Sipp("answer", tmp_path))
        other = await stack.enter_async_context(Sipp("hangup", tmp_path))
        transferring = await stack.enter_async_context(Sipp("transfer", tmp_path, keys=keys))
        config = configuration(
            {"": phone.address, TRANSFERS: transferring.address, ELSEWHERE: other.address},
            webhooks={"VSS": receiver.url("/vss")},
        )
        config["trunks"][1]["refer"] = refer
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        calls: list[dict[str, Any]] = [
            {"action": "makeCall", "params": {"source": SOURCE, "destination": number}}
            for number in (NUMBER, TRANSFERS)
        ]
        calls[1]["params"]["maxDuration"] = 2
        await server.place({"callflow": calls})
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
        await transferring.succeeded(1)
    legs = list(receiver.at("/vss")[0].payload["details"].values())
    assert [leg["destination"] for leg in legs] == called
    assert {leg["callStatus"] for leg in legs} == {"COMPLETED"}


# --- STIR/SHAKEN


def stir_files(folder: Path, root: Authority, leaf: Authority, url: str) -> dict[str, str]:
    """``[stir]`` with its files."""
    folder.mkdir(exist_ok=True)
    (folder / "roots.pem").write_bytes(root.pem)
    (folder / "key.pem").write_bytes(leaf.key_pem)
    files = {"roots": str(folder / "roots.pem"), "key": str(folder / "key.pem")}
    return {**files, "certificate_url": url}


async def test_calls_are_signed_and_callers_are_verified(tmp_path: Path) -> None:
    root = certificate("root", may_sign=True)
    leaf = certificate("provider", root)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(Receiver())
        receiver.on("/certificate.pem", Reply(body=leaf.pem))
        receiver.on("/vca", Reply(body=json.dumps({"callflow": []}).encode()))
        phone = await stack.enter_async_context(Sipp("answer", tmp_path, log_messages=True))
        url = receiver.url("/certificate.pem")
        config = configuration(
            {"": phone.address},
            webhooks={name: receiver.url(f"/{name.lower()}") for name in ("VCA", "VSS")},
            sub_account={"numbers": [{"msisdn": OURS, "unverified_callers": "refuse"}]},
        )
        config["stir"] = stir_files(tmp_path / "stir", root, leaf, url)
        config["trunks"][0]["attest"] = "B"
        server = await stack.enter_async_context(Server(tmp_path / "server", config))
        await server.place(voice_message(NUMBER, "Hello."))
        await receiver.wait_for(lambda: len(receiver.at("/vss")) == 1, 20)
        _signed_by(phone.messages(), leaf)
        await _call(tmp_path, server, _identity(leaf, url), "call_refused")
        await _call(tmp_path, server, "", "call_refused", 428)
        stranger = certificate("provider", certificate("root", may_sign=True))
        await _call(tmp_path, server, _identity(stranger, url), "call_refused", 438)
        (session,) = {one.payload["sessionId"] for one in receiver.at("/vca") if _inbound(one)}
        shown = await server.session(session)
        assert "caller: TN-Validation-Passed A" in session_text(
            {**shown, "events": (), "deliveries": ()}
        )
    asked = [
        one.payload for one in receiver.at("/vca") if one.payload["callStatus"] == "CALL_RECEIVED"
    ]
    verification = {"result": "TN-Validation-Passed", "attestation": "A"}
    assert [one["callerVerification"] for one in asked] == [verification]


def _inbound(received: Received) -> bool:
    return bool(received.payload["callDirection"] == "INBOUND")


def _signed_by(messages: str, leaf: Authority) -> None:
    """The INVITE on the wire has a token that a JWT library takes apart and verifies."""
    found = re.search(r"^Identity: ([^;\r\n]+);info=<([^>]+)>", messages, re.MULTILINE)
    assert found is not None
    claims: dict[str, Any] = jwt.decode(found[1], leaf.key.public_key(), algorithms=["ES256"])
    assert claims["attest"] == "B"
    assert claims["orig"] == {"tn": SOURCE.removeprefix("+")}
    assert claims["dest"] == {"tn": [NUMBER.removeprefix("+")]}
    assert "\nDate: " in messages


def _identity(by: Authority, url: str) -> str:
    return sign(
        by.key,
        url,
        attest=Attestation.A,
        orig=CALLER,
        dest=[OURS],
        iat=int(time.time()),
        origid="1f2a7d5e-7a0c-4b6e-9f43-5f2f7f1d7c11",
    )


async def _call(
    folder: Path, server: Server, identity: str, scenario: str, status: int = 603
) -> None:
    """Call our number as a carrier's switch, and be refused with ``status``."""
    header = f"\n      Identity: {identity}" if identity else ""
    keys = {"caller_number": CALLER, "more_headers": header, "status": status}
    target = f"127.0.0.1:{server.sip_port}"
    async with Sipp(scenario, folder, keys=keys, calls=1, target=target, service=OURS) as caller:
        await caller.finished()
