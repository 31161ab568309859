"""Runs an example for real: Offhook and the example's server on free ports, phones on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from offhook.clock import SystemClock, new_id
from offhook.media import make_engine
from offhook.session.ports.telephony import DialOrder
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import SipEndpoint
from offhook.telephony.line import Line
from offhook.telephony.outgoing import OutgoingCall
from offhook.telephony.transports.udp import UdpTransport
from offhook.telephony.trunks import Trunk
from offhook.testbed.ear import Ear

API_KEY = "example-key"
DEADLINE = 90.0
"""Seconds for everything."""


class Stage:
    """What an example's ``begin`` may use."""

    def __init__(
        self, offhook: str, server: str, sip_port: int, http: aiohttp.ClientSession
    ) -> None:
        self.offhook = offhook
        """Base URL of Offhook."""
        self.server = server
        """Base URL of the example's server."""
        self._sip_port = sip_port
        self._http = http

    async def submit(self, callflow: str) -> None:
        """Post a callflow, as JSON text, to Offhook."""
        url = f"{self.offhook}/api/v1/subaccounts/demo/callflows"
        answer = await self.post(url, json.loads(callflow))
        print(f"Offhook: {answer['statusCode']} {answer['statusMessage']}", flush=True)

    async def post(self, url: str, body: object) -> Any:
        """Post JSON, with Offhook's API key."""
        async with self._http.post(url, json=body) as response:
            answer = await response.json()
            if response.status != 200:
                raise SystemExit(f"{url} answered {response.status}: {json.dumps(answer)}")
            return answer

    async def sessions(self) -> list[dict[str, Any]]:
        """Every session of the sub-account so far, oldest first."""
        async with self._http.get(f"{self.offhook}/api/v1/subaccounts/demo/sessions") as response:
            listed = (await response.json())["sessions"]
            return list(reversed(listed))

    async def session(self, session_id: str) -> dict[str, Any]:
        """One session with its timeline."""
        url = f"{self.offhook}/api/v1/subaccounts/demo/sessions/{session_id}"
        async with self._http.get(url) as response:
            shown: dict[str, Any] = await response.json()
            return shown

    async def call_in(
        self, caller: str, called: str, *, press: Sequence[str] = (), talk: float | None = None
    ) -> None:
        """Call Offhook from outside: press the next keys whenever a prompt has ended, then stay until
        we are hung up, or hang up after ``talk`` seconds."""
        async with _line(self._sip_port) as line:
            order = DialOrder(
                call_id=new_id(),
                source=caller,
                destination=called,
                trunks=("offhook",),
                ring_timeout=30,
            )
            call = Dialer(line).dial(order, lambda _status, _early: None, _may_not_move)
            print(f"{caller} calls {called} …", flush=True)
            if await call.answered() is None:
                print(f"{caller} was refused: {call.ended}", flush=True)
                return
            for keys in press:
                await _press_after_prompt(call, keys)
                print(f"{caller} presses {keys}", flush=True)
            ended = asyncio.create_task(call.wait_ended())
            await asyncio.wait({ended}, timeout=talk)
            await call.hang_up()
            await ended


async def _may_not_move(_trunk: str) -> bool:
    return False


async def _press_after_prompt(call: OutgoingCall, keys: str) -> None:
    ear = Ear(call.media, keep=False)
    await ear.prompt_heard()
    ear.close()
    for key in keys:
        call.media.send_digit(key)
        await asyncio.sleep(0.25)


@asynccontextmanager
async def _line(sip_port: int) -> AsyncIterator[Line]:
    """A phone line of our own that leads to Offhook."""
    endpoint = SipEndpoint([UdpTransport("127.0.0.1", 0)])
    await endpoint.start()
    first = free_port(socket.SOCK_DGRAM) // 2 * 2
    engine = make_engine("auto", host="127.0.0.1", ports=(first, first + 99))
    engine.start()
    try:
        yield Line(
            endpoint=endpoint,
            media=engine,
            media_host="127.0.0.1",
            trunks={
                "offhook": Trunk(name="offhook", transport="udp", host="127.0.0.1", port=sip_port)
            },
            media_timeout=60.0,
            clock=SystemClock(),
        )
    finally:
        engine.close()
        await endpoint.close()


def main(
    folder: Path,
    make_app: Callable[[str], web.Application],
    begin: Callable[[Stage], Awaitable[None]],
    *,
    sessions: int = 1,
) -> int:
    """Run the example in ``folder``: its app (given Offhook's URL), then ``begin``, until so many
    sessions have ended. Returns 0 when the last one is COMPLETED."""
    try:
        return asyncio.run(_run(folder, make_app, begin, sessions))
    except TimeoutError:
        print(f"nothing more happened within {DEADLINE:.0f} s", file=sys.stderr)
        return 1


async def _run(
    folder: Path,
    make_app: Callable[[str], web.Application],
    begin: Callable[[Stage], Awaitable[None]],
    sessions: int,
) -> int:
    ports = {
        "127.0.0.1:8080": free_port(socket.SOCK_STREAM),
        "127.0.0.1:5000": free_port(socket.SOCK_STREAM),
        "127.0.0.1:5060": free_port(socket.SOCK_DGRAM),
    }
    text = (folder / "offhook.toml").read_text()
    for address, port in ports.items():
        text = text.replace(address, f"127.0.0.1:{port}")
    http_port, server_port, sip_port = ports.values()
    offhook, server = f"http://127.0.0.1:{http_port}", f"http://127.0.0.1:{server_port}"
    async with asyncio.timeout(DEADLINE), AsyncExitStack() as stack:
        await stack.enter_async_context(_serving(make_app(offhook), server_port))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="offhook-example-")))
        (scratch / "offhook.toml").write_text(text)
        await stack.enter_async_context(_offhook(scratch))
        print(f"Offhook serves at {offhook}, the example at {server}", flush=True)
        headers = {"Authorization": f"Bearer {API_KEY}"}
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=headers))
        stage = Stage(offhook, server, sip_port, http)
        async with asyncio.TaskGroup() as group:  # an error of the one ends the other
            group.create_task(_begun(begin, stage))
            following = group.create_task(_follow(stage, sessions))
        status = following.result()
    return 0 if status == "COMPLETED" else 1


async def _begun(begin: Callable[[Stage], Awaitable[None]], stage: Stage) -> None:
    await begin(stage)


async def _follow(stage: Stage, wanted: int) -> str:
    """Tell each session when it has ended; the status of the last one."""
    told = 0
    while True:
        ended = [
            session
            for session in await stage.sessions()
            if session["sessionStatus"] not in ("CREATED", "QUEUED", "RUNNING")
        ]
        for session in ended[told:]:
            tell(await stage.session(session["sessionId"]))
        told = len(ended)
        if told >= wanted:
            return str(ended[wanted - 1]["sessionStatus"])
        await asyncio.sleep(0.2)


def tell(shown: dict[str, Any]) -> None:
    """Print a session's timeline and how it ended."""
    print(f"\nSession {shown['sessionId']}:")
    for event in shown["events"]:
        facts = ", ".join(
            str(event[name])
            for name in (
                "action",
                "destination",
                "digits",
                "result",
                "callStatus",
                "status",
                "body",
            )
            if event.get(name) is not None
        )
        print(f"  {event['timestamp'][11:23]}  {event['event']:<17} {facts}".rstrip())
    sys.stdout.flush()


@asynccontextmanager
async def _serving(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _offhook(folder: Path) -> AsyncIterator[None]:
    """``offhook serve`` with the configuration in ``folder``."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "offhook", "serve", "--config", "offhook.toml", "--json"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise SystemExit("Offhook did not start (its own words are above)")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def free_port(kind: socket.SocketKind) -> int:
    """A port that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
