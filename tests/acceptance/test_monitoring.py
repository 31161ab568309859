"""The dashboard and the alert rules in a real Prometheus, while real calls run and fail."""

from __future__ import annotations

import asyncio
import importlib.machinery
import importlib.util
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.net import RtpSink
from tests.support.prometheus import Prometheus
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.sipp import Sipp

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "offhook.json"
PHONE = "+12025550101"
CAPTURE = {
    "callflow": [
        {"action": "makeCall", "params": {"source": SOURCE, "destination": PHONE}},
        {
            "action": "sayAndCapture",
            "params": {"promptMessage": "Press.", "language": "en-US", "maxDigits": 1},
        },
    ]
}


def queries() -> Iterator[tuple[str, str]]:
    """Title of the panel and expression of each line of the dashboard."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"].replace("$__rate_interval", "1m").replace("$trunk", ".*")
            yield panel["title"], expression


def test_the_dashboard_is_what_its_script_writes() -> None:
    loader = importlib.machinery.SourceFileLoader(
        "grafana_dashboard", str(ROOT / "scripts" / "grafana_dashboard.py")
    )
    spec = importlib.util.spec_from_loader("grafana_dashboard", loader)
    assert spec is not None
    script = importlib.util.module_from_spec(spec)
    loader.exec_module(script)
    assert DASHBOARD.read_text() == script.text()


class Watch:
    """Calls at a steady rate, until every panel has shown something and the alerts have fired."""

    def __init__(self, server: Server, prometheus: Prometheus) -> None:
        self._server = server
        self._prometheus = prometheus
        self.missing = list(queries())
        self.firing: dict[str, dict[str, str]] = {}
        assert len(self.missing) > 30

    async def until_all_is_seen(self) -> None:
        while (
            self.missing or not {"OffhookCallsFail", "OffhookTrunkRefusesUs"} <= self.firing.keys()
        ):
            await self._server.place(voice_message("+6591234567", "Hello."))
            await self._server.place(voice_message("+447700900001", "Hello."))
            await self._server.place(CAPTURE)
            await asyncio.sleep(1)
            self.missing = [one for one in self.missing if not await self._prometheus.query(one[1])]
            self.firing = await self._prometheus.firing()


@pytest.mark.full
@pytest.mark.skipif(
    not sipp.available or shutil.which("prometheus") is None, reason="needs SIPp and Prometheus"
)
async def test_panels_have_series_and_alerts_fire_while_calls_run(tmp_path: Path) -> None:
    hangup = Reply(body=json.dumps({"callflow": [{"action": "hangup"}]}).encode())
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        Sipp("refuse", tmp_path, keys={"status": 403, "reason": "Forbidden"}) as closed,
    ):
        receiver.on("/vca", hangup)
        config: dict[str, Any] = configuration(
            {"+65": carrier.address, "+44": closed.address},
            webhooks={kind: receiver.url(f"/{kind.lower()}") for kind in ("VCA", "VCS", "VSS")},
        )
        for trunk in config["trunks"]:
            trunk |= {"channels": 100, "cps": 50}
        config["testbed"] = {"phones": [{"number": PHONE, "press": "1"}]}
        async with (
            Server(tmp_path / "server", config) as server,
            Prometheus(tmp_path / "prometheus", config["http"]["listen"]) as prometheus,
        ):
            watch = Watch(server, prometheus)
            try:
                await asyncio.wait_for(watch.until_all_is_seen(), 60)
            except TimeoutError:
                pytest.fail(f"no series: {watch.missing}; alerts: {watch.firing}")
            firing = watch.firing
            assert firing["OffhookTrunkRefusesUs"]["trunk"] == "carrier-1"
            assert firing["OffhookTrunkRefusesUs"]["sip_code"] == "403"
            assert "OffhookDown" not in firing
            server.kill_supervisor()
            async with asyncio.timeout(30):
                while "OffhookDown" not in await prometheus.firing():
                    await asyncio.sleep(0.2)
