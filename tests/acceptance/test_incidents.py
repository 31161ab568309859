"""Ten incidents made on purpose: what the operator sees of each is what ``docs/incidents.md`` shows."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from tests.support import sipp
from tests.support.incidents import ADMIN_KEY, Incident, compare
from tests.support.net import RtpEcho, RtpSink, SilentCarrier, free_port
from tests.support.receiver import Receiver, Reply
from tests.support.server import SOURCE, Server, configuration, voice_message
from tests.support.sipp import Sipp

pytestmark = pytest.mark.skipif(not sipp.available, reason="sipp is not installed")
NUMBER = "+12025550001"
SAVES = 'offhook_store_seconds_count{operation="save"}'
"""Less those of the bucket of 2.5 s: the slow ones."""
ENDS = ("offhook_calls_ended_total", "offhook_sessions_ended_total")


@asynccontextmanager
async def world(
    tmp_path: Path, carrier: str, *, receiver: Receiver, **more: Any
) -> AsyncIterator[Server]:
    """A server with one trunk. ``trunk``: its further keys; the others are those of ``configuration``."""
    trunk: Mapping[str, Any] = more.pop("trunk", {})
    webhooks = more.pop("webhooks", {"VSS": receiver.url("/vss"), "VCS": receiver.url("/vcs")})
    config = configuration({"": carrier}, webhooks=webhooks, **more)
    config["trunks"][0] |= {"name": "carrier", **trunk}
    config["routes"][0]["trunks"] = ["carrier"]
    config["admin"] = {"api_keys": [ADMIN_KEY]}
    async with Server(tmp_path / "server", config) as server:
        yield server


async def failed_call(server: Server, receiver: Receiver, text: str = "Hello.") -> Incident:
    """Place a call and wait for its summary."""
    session = await server.place(voice_message(NUMBER, text))
    await receiver.wait_for(lambda: session in receiver.summaries(), timeout=120)
    return Incident(server, session)


@pytest.mark.full
async def test_a_dead_carrier(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        SilentCarrier() as carrier,
        world(tmp_path, f"udp:127.0.0.1:{carrier.port}", receiver=receiver) as server,
    ):
        incident = await failed_call(server, receiver)
        section = await incident.section(
            "Dead carrier",
            "Nothing answers at the trunk's address.",
            (*ENDS, "offhook_trunk_up"),
            todo="ask the carrier; check the firewall and the address (`offhook doctor`). A second trunk"
            " in the route takes the calls meanwhile.",
        )
    compare("Dead carrier", section)


@pytest.mark.full
async def test_a_wrong_password(tmp_path: Path) -> None:
    trunk = {"username": "acme", "password": "wrong"}
    async with (
        Receiver() as receiver,
        Sipp("challenge", tmp_path) as carrier,
        world(tmp_path, carrier.address, receiver=receiver, trunk=trunk) as server,
    ):
        incident = await failed_call(server, receiver)
        section = await incident.section(
            "Wrong password",
            "The carrier challenges the INVITE again after our credentials.",
            (*ENDS, "offhook_trunk_up"),
            todo="correct `trunks.username` and `trunks.password`, then `systemctl reload offhook`. Without a"
            " username the session says that the trunk has none.",
        )
    compare("Wrong password", section)


async def test_a_carrier_without_free_lines(tmp_path: Path) -> None:
    reason = 'Service Unavailable\n      Reason: Q.850;cause=34;text="No circuit available"'
    async with (
        Receiver() as receiver,
        Sipp("refuse", tmp_path, keys={"status": 503, "reason": reason}) as carrier,
        world(tmp_path, carrier.address, receiver=receiver) as server,
    ):
        incident = await failed_call(server, receiver)
        section = await incident.section(
            "Carrier answers 503, Q.850 cause 34",
            "The carrier has no free circuit.",
            (*ENDS, "offhook_trunk_up", "offhook_call_q850_causes_total"),
            todo="ask the carrier for more lines, set `trunks.channels` to what it gives, or add a second"
            " trunk to the route: 503 moves the call on to it.",
        )
    compare("Carrier answers 503, Q.850 cause 34", section)


@pytest.mark.full
async def test_a_name_that_cannot_be_looked_up(tmp_path: Path) -> None:
    address = "udp:sip.carrier.invalid:5060"
    async with Receiver() as receiver, world(tmp_path, address, receiver=receiver) as server:
        incident = await failed_call(server, receiver)
        section = await incident.section(
            "DNS gone",
            "The name of the trunk cannot be looked up.",
            (*ENDS, "offhook_trunk_up"),
            todo="check the name, `/etc/resolv.conf` and the name server. While a name server is away, the"
            " last address of a name that was found before stays in use.",
        )
    compare("DNS gone", section)


@pytest.mark.full
async def test_one_way_audio(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpSink() as ear,
        Sipp("answer", tmp_path, keys={"rtp_port": ear.port}) as carrier,
        world(tmp_path, carrier.address, receiver=receiver) as server,
    ):
        incident = await failed_call(
            server, receiver, "This text is longer than three seconds. " * 2
        )
        section = await incident.section(
            "One-way audio",
            "The call is answered, and no RTP of the far end arrives.",
            ("offhook_calls_without_audio_total", "offhook_rtp_packets_total", *ENDS),
            todo="let `sip.rtp_ports` through the firewall, and set `sip.advertise` to the public address"
            " (`offhook doctor` compares it with the trunks). Where packets of another address were dropped,"
            " the log names the address for `trunks.media_from`.",
        )
    compare("One-way audio", without_counts(section))


@pytest.mark.full
async def test_a_carrier_without_telephone_event(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpEcho() as phone,
        Sipp("answer_eventless", tmp_path, keys={"rtp_port": phone.port}) as carrier,
    ):
        receiver.on("/vca", Reply(body=json.dumps({"callflow": [{"action": "hangup"}]}).encode()))
        urls = {type_: receiver.url(f"/{type_.lower()}") for type_ in ("VSS", "VCS", "VCA")}
        async with world(tmp_path, carrier.address, receiver=receiver, webhooks=urls) as server:
            call = {"action": "makeCall", "params": {"source": SOURCE, "destination": NUMBER}}
            params = {"promptMessage": "Press one.", "language": "en-US", "minDigits": 1}
            params |= {"maxDigits": 1, "digitTimeout": 1000, "overallTimeout": 3000}
            capture = {"action": "sayAndCapture", "params": params}
            session = await server.place({"callflow": [call, capture]})
            await receiver.wait_for(lambda: session in receiver.summaries(), timeout=60)
            section = await Incident(server, session).section(
                "No telephone-event",
                "The far end does not agree to telephone-event (RFC 4733): keys come as tones or not at all.",
                (
                    "offhook_calls_without_telephone_event_total",
                    "offhook_dtmf_captures_total",
                    "offhook_dtmf_digits_total",
                ),
                todo="ask the carrier to pass RFC 4733 events. Until then tones in the audio count, which"
                " compressed codecs on the way destroy.",
            )
    compare("No telephone-event", section)


async def test_a_destination_outside_of_the_coverage(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        world(
            tmp_path,
            f"udp:127.0.0.1:{free_port()}",
            receiver=receiver,
            sub_account={"coverage": ["SG", "+44"]},
        ) as server,
    ):
        incident = await failed_call(server, receiver)
        section = await incident.section(
            "Destination outside of the coverage",
            "The sub-account may not call this country; nothing is dialled.",
            ENDS,
            todo="add the country or prefix to `subaccounts.coverage`, or tell the customer. The other rule"
            " of -2004 is `no route`: then no `[[routes]]` prefix fits.",
        )
    compare("Destination outside of the coverage", section)


@pytest.mark.full
async def test_a_trunk_that_is_full(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpEcho() as phone,
        Sipp("answer", tmp_path, keys={"rtp_port": phone.port}) as carrier,
        world(
            tmp_path,
            carrier.address,
            receiver=receiver,
            trunk={"channels": 1},
            limits={"queue_timeout": 2},
        ) as server,
    ):
        await server.place(voice_message("+12025550002", "Please hold the line. " * 40))
        await receiver.wait_for(lambda: len(receiver.at("/vcs")) > 0, timeout=30)
        incident = await failed_call(server, receiver)
        section = await incident.section(
            "Trunk full",
            "All channels of the trunk (`channels = 1`) are in use for longer than `queue_timeout`.",
            (*ENDS, "offhook_trunk_channels"),
            until='offhook_trunk_channels_used{trunk="carrier"} 1.0',
            todo="raise `trunks.channels` if the carrier allows it, add a trunk to the route, or let calls"
            " wait longer (`limits.queue_timeout`).",
        )
    compare("Trunk full", section)


@pytest.mark.full
async def test_a_webhook_that_is_down(tmp_path: Path) -> None:
    dead = f"http://127.0.0.1:{free_port()}/vss"
    async with (
        Receiver() as receiver,
        RtpEcho() as phone,
        Sipp("answer", tmp_path, keys={"rtp_port": phone.port}) as carrier,
        world(
            tmp_path,
            carrier.address,
            receiver=receiver,
            webhooks={"VSS": dead, "VCS": receiver.url("/vcs")},
        ) as server,
    ):
        session = await server.place(voice_message(NUMBER, "Hello."))
        await receiver.wait_for(lambda: len(receiver.at("/vcs")) == 4, timeout=60)
        section = await Incident(server, session).section(
            "Webhook down",
            "The call is fine, and the customer's server does not take the summary.",
            ("offhook_webhook_deliveries_total", "offhook_webhooks_pending", *ENDS),
            until="offhook_webhooks_pending 1.0",
            todo="tell the customer; deliveries are tried again for a day and can be sent again"
            " (`POST /webhooks/VSS/deliveries/{id}/redeliver`).",
        )
    compare("Webhook down", without_counts(section))


@pytest.mark.full
async def test_a_database_that_is_slow(tmp_path: Path) -> None:
    async with (
        Receiver() as receiver,
        RtpEcho() as phone,
        Sipp("answer", tmp_path, keys={"rtp_port": phone.port}) as carrier,
        world(tmp_path, carrier.address, receiver=receiver) as server,
    ):
        session = await server.place(voice_message(NUMBER, "Hello."))
        await receiver.wait_for(lambda: len(receiver.at("/vcs")) > 0, timeout=60)
        with closing(sqlite3.connect(server.folder / "offhook.db", timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(8)  # the incident itself: nothing can be written for so long
            other.rollback()
        await receiver.wait_for(lambda: session in receiver.summaries(), timeout=60)
        section = await Incident(server, session).section(
            "Database slow",
            "Nothing can be written to the database for eight seconds. The call goes on, and is stored then.",
            (*ENDS, 'offhook_store_seconds_bucket{le="2.5",operation="save"}', SAVES),
            lines="heartbeat not written",
            todo="look at the disk and at the database's own log; `offhook_store_seconds` says how long"
            " writes take.",
        )
    compare("Database slow", without_counts(section))


VARYING = (
    "offhook_rtp_packets_total",
    "offhook_store_seconds",
    "offhook_webhook_deliveries_total",
)


def without_counts(section: str) -> str:
    """Packets, attempts and writes differ from run to run by a few."""
    lines = []
    for line in section.splitlines():
        name, _, _ = line.rpartition(" ")
        varies = line.startswith(VARYING) and 'result="delivered"' not in line
        lines.append(f"{name} N" if varies else line)
    return "\n".join(lines) + "\n"
