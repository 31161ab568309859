"""The operator's recipes (docs/operations/recipes.md): each trouble is caused, and the steps are followed."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.test_metrics import counted, figures, value
from tests.acceptance.test_operator import ADMIN_KEY, logged, offhook
from tests.support import sipp
from tests.support.net import RtpSink, UdpPeer, free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not sipp.available, reason="sipp is not installed"),
]
NUMBER = "+12025550001"
RECIPES = (Path(__file__).parents[2] / "docs/operations/recipes.md").read_text()
LONG = "This text is longer than three seconds. " * 2


class ElsewhereEcho(UdpPeer):
    """A phone that hears at 127.0.0.1, as its SDP says, and sends from 127.0.0.2."""

    def __init__(self) -> None:
        super().__init__()
        self._mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._mouth.bind(("127.0.0.2", 0))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > 12:
            self._mouth.sendto(data[:8] + b"echo" + data[12:], addr)  # RFC 3550: an SSRC of its own

    def connection_lost(self, exc: Exception | None) -> None:
        self._mouth.close()


def recipe(heading: str) -> str:
    """The text of one recipe."""
    text = RECIPES.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert text, heading
    return text


def settings(address: str, receiver: Receiver, **trunk: Any) -> dict[str, Any]:
    config = configuration({"": address}, webhooks={"VSS": receiver.url("/vss")})
    config["trunks"][0] |= trunk
    config["admin"] = {"api_keys": [ADMIN_KEY]}
    return config


async def finished(
    server: Server, receiver: Receiver, callflow: Mapping[str, Any] | None = None
) -> tuple[str, str]:
    """Place a call and wait for its end: the session, and what ``offhook show`` says of it."""
    session = await server.place(callflow or voice_message(NUMBER, LONG))
    await receiver.wait_for(lambda: session in receiver.summaries(), timeout=90)
    code, shown = await offhook(server, "show", session, "--all")
    assert code == 0, shown
    return session, shown


async def test_calls_fail_with_403(tmp_path: Path) -> None:
    keys = {"status": 403, "reason": "Caller Id Not Yours"}
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("refuse", tmp_path, keys=keys) as closed,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
    ):
        config = settings(closed.address, receiver)
        async with Server(tmp_path / "server", config) as server:
            session, shown = await finished(server, receiver)
            assert "403 Caller Id Not Yours" in shown
            code, ladder = await offhook(server, "show", session, "--sip")
            assert (code, "403 Caller Id Not Yours" in ladder) == (0, True)
            # Which the recipe calls "403 at once": correct the trunk, reload.
            assert "**403 at once:**" in recipe("Calls fail with 403")
            config["trunks"][0]["address"] = carrier.address
            await server.reload(config)
            _, shown = await finished(server, receiver)
            assert "COMPLETED" in shown.splitlines()[0]


async def test_one_way_audio(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        ElsewhereEcho() as phone,
        Sipp("answer", tmp_path, keys={"rtp_port": phone.port}) as carrier,
    ):
        config = settings(carrier.address, receiver)
        async with Server(tmp_path / "server", config) as server:
            session, shown = await finished(server, receiver)
            assert "one-way audio" in shown
            await counted(f"{server.url}/metrics", 1, "calls_without_audio_total")
            # The log names the address; the recipe says where to put it.
            assert "127.0.0.2" in await logged(server, session)
            assert "`media_from` of the trunk" in recipe("One-way or bad audio")
            config["trunks"][0]["media_from"] = ["127.0.0.2"]
            await server.reload(config)
            _, shown = await finished(server, receiver)
            assert "one-way audio" not in shown
            assert value(await figures(f"{server.url}/metrics"), "calls_without_audio_total") == 1


async def test_no_keys(tmp_path: Path) -> None:
    params = {"promptMessage": "Press one.", "language": "en-US", "minDigits": 1, "maxDigits": 1}
    params |= {"digitTimeout": 1000, "overallTimeout": 2000, "noOfTries": 1}
    capture = {
        "callflow": [
            {"action": "makeCall", "params": {"source": SOURCE, "destination": NUMBER}},
            {"action": "sayAndCapture", "params": params},
        ]
    }
    connection = {"connection": "IP4 127.0.0.1"}
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer_with", tmp_path, keys=connection) as eventless,
        Sipp("answer_and_press", tmp_path, keys={"rtp_port": ear.port, "key": 1}) as carrier,
    ):
        receiver.on("/vca", Reply(body=b'{"callflow": [{"action": "hangup"}]}'))
        config = settings(eventless.address, receiver)
        urls = {"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")}
        config["subaccounts"][0]["webhooks"] = [{"type": k, "url": u} for k, u in urls.items()]
        async with Server(tmp_path / "server", config) as server:
            session, _ = await finished(server, receiver, capture)
            metrics = f"{server.url}/metrics"
            await counted(metrics, 1, "calls_without_telephone_event_total")
            await counted(metrics, 1, "dtmf_captures_total", result="none")
            assert "did not agree to telephone-event" in await logged(server, session)
            assert "offhook_calls_without_telephone_event_total` grows" in recipe("No keys")
            config["trunks"][0]["address"] = carrier.address
            await server.reload(config)
            await finished(server, receiver, capture)
            await counted(metrics, 1, "dtmf_captures_total", result="digits")
            await counted(metrics, 1, "dtmf_digits_total", way="info")


async def test_webhooks_late(tmp_path: Path) -> None:
    port = free_port()
    async with RtpSink() as ear, Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier:
        away = Receiver(port)
        config = settings(carrier.address, away)
        async with Server(tmp_path / "server", config) as server:
            session = await server.place(voice_message(NUMBER, "Hello."))
            while value(await figures(f"{server.url}/metrics"), "webhooks_pending") == 0:
                pass
            _, shown = await offhook(server, "show", session, "--all")
            assert "pending" in shown
            _, status = await offhook(server, "status")
            assert "1" in status
            assert "nothing is lost" in recipe("Webhooks late")
            async with Receiver(port) as back:
                await back.wait_for(lambda: session in back.summaries(), timeout=60)
