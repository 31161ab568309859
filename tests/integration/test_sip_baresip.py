"""A far peer: baresip, a softphone with a SIP stack of its own, calls and is called.

Hold, resume and digest against an implementation that shares nothing with SIPp or us.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.net import free_port

from offhook.sip import (
    Address,
    Admitted,
    Answered,
    AnyEvent,
    Confirmed,
    DigestVerdict,
    Ended,
    EndedBy,
    IncomingInvite,
    Judgement,
    Provisional,
    ReofferAnswered,
    Screen,
    ScreenedOut,
    ServerAuth,
)
from offhook.sip.descriptions import MediaDirection
from offhook.sip.message import Request
from offhook.sip.sdp import answer, make_offer, parse_answer
from offhook.telephony.endpoint import udp_endpoint

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="baresip is not installed"),
]
CONFIG = """\
sip_listen 127.0.0.1:{port}
audio_source aubridge,x
audio_player aubridge,x
audio_alert aubridge,y
module_path {modules}
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
rtp_ports {rtp}-{rtp_end}
"""
MODULES = next(
    (str(path.parent) for path in Path("/usr/lib").glob("**/baresip/modules/g711.so")), ""
)
DEADLINE = 15.0


@asynccontextmanager
async def baresip(folder: Path, account: str, *commands: str) -> AsyncIterator[int]:
    """A running softphone; yields its port. ``commands`` are typed into its menu at the start."""
    port, rtp = free_port(), free_port(beside=20)
    config = CONFIG.format(port=port, modules=MODULES, rtp=rtp, rtp_end=rtp + 20)
    (folder / "config").write_text(config)
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").write_text("")
    command = ["baresip", "-4", "-f", str(folder), "-t", str(int(DEADLINE))]
    for each in commands:
        command += ["-e", each]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            while f"0100007F:{port:04X}" not in Path("/proc/net/udp").read_text():
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_it_answers_is_held_and_resumed(tmp_path: Path) -> None:
    endpoint = udp_endpoint("127.0.0.1", 0)
    await endpoint.start()
    media = free_port()
    events: list[AnyEvent] = []
    over = asyncio.Event()
    sides: list[tuple[bool, bool]] = []

    def offer(direction: MediaDirection) -> bytes:
        return make_offer(host="127.0.0.1", port=media, direction=direction)

    def on_event(event: AnyEvent) -> None:
        events.append(event)
        match event:
            case Answered():
                with endpoint.command() as (agent, now):
                    assert agent.reinvite(event.handle, now, offer(MediaDirection.SENDONLY))
            case ReofferAnswered(sdp=sdp):
                negotiated = parse_answer(sdp or b"")
                sides.append((negotiated.send, negotiated.receive))
                if len(sides) == 1:
                    with endpoint.command() as (agent, now):
                        assert agent.reinvite(event.handle, now, offer(MediaDirection.SENDRECV))
                else:
                    with endpoint.command() as (agent, now):
                        agent.bye(event.handle, now)
            case Ended():
                over.set()

    account = "<sip:bob@127.0.0.1>;regint=0;answermode=auto"
    async with baresip(tmp_path, account) as port, asyncio.timeout(DEADLINE):
        with endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=Address("udp", "127.0.0.1", port),
                request_uri=f"sip:bob@127.0.0.1:{port}",
                from_uri="sip:alice@127.0.0.1",
                to_uri="sip:bob@127.0.0.1",
                sdp=offer(MediaDirection.SENDRECV),
            )
        endpoint.listen(handle, on_event)
        await over.wait()
    await endpoint.close()
    kinds = [type(event) for event in events]
    assert kinds == [Provisional, Answered, ReofferAnswered, ReofferAnswered, Ended]
    assert sides == [(True, False), (True, True)]


async def test_it_calls_us_and_proves_who_it_is(tmp_path: Path) -> None:
    endpoint = udp_endpoint("127.0.0.1", 0)
    await endpoint.start()
    loop = asyncio.get_running_loop()
    # This baresip ends its call at any algorithm that it does not know, wherever it stands.
    auth = ServerAuth("offhook", secret=b"s" * 32, algorithms=("MD5",))
    verdicts: list[DigestVerdict] = []
    events: list[AnyEvent] = []
    over = asyncio.Event()

    def on_event(event: AnyEvent) -> None:
        events.append(event)
        if isinstance(event, Confirmed):
            with endpoint.command() as (agent, now):
                agent.bye(event.handle, now)
        elif isinstance(event, Ended):
            over.set()

    class ByDigest(Screen):
        def ignores(self, request: Request, source: Address) -> bool:
            return False

        def judge(self, invite: Request, source: Address) -> Judgement:
            passwords = {"alice": "secret"}
            verdict, _ = auth.verify(invite, source.host, passwords.get, loop.time())
            verdicts.append(verdict)
            if verdict is DigestVerdict.ACCEPTED:
                return Admitted()
            return ScreenedOut(401, auth.challenge(source.host, loop.time()))

    def on_incoming(event: IncomingInvite) -> None:
        endpoint.listen(event.handle, on_event)
        with endpoint.command() as (agent, now):
            agent.ring(event.handle, now)
        _, body = answer(event.sdp or b"", host="127.0.0.1", port=free_port())
        with endpoint.command() as (agent, now):
            agent.accept(event.handle, now, body)

    endpoint.screen(ByDigest())
    endpoint.on_incoming(on_incoming)
    account = "<sip:alice@127.0.0.1>;regint=0;auth_user=alice;auth_pass=secret"
    dial = f"d sip:offhook@127.0.0.1:{endpoint.local_address[1]}"
    async with baresip(tmp_path, account, dial), asyncio.timeout(DEADLINE):
        await over.wait()
    await endpoint.close()
    assert verdicts == [DigestVerdict.MISSING, DigestVerdict.ACCEPTED]
    assert [type(event) for event in events] == [Confirmed, Ended]
    assert isinstance(events[-1], Ended)
    assert events[-1].by is EndedBy.LOCAL
