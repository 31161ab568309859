"""Small SIP scenarios as text, played by SIPp against our endpoint.

A ``.flow`` file in ``sipp/`` has a head and, after ``---``, what SIPp does, a step a line::

    role: callee                       SIPp is called (or caller: SIPp calls us)
    do: Answered -> bye                what our application does on an event
    expect: Provisional 180; Answered sdp; Ended LOCAL
    check: > ACK | Route: <sip:x;lr>   text that a datagram (> ours, < theirs) must hold
    t1: 0.03                           our T1 in seconds
    session_expires: 4                 the session timer that we ask for, in s
    min_session: 2                     the shortest that we take
    ---
    recv INVITE
    send 180
    send 200 sdp | Contact: <sip:bob@[local_ip]:[local_port];transport=UDP>
    recv ACK
    recv BYE
    send 200

``send`` may carry ``sdp``, ``key=N`` (a DTMF INFO), ``tag=x``, ``branch=x``, ``uri=x``, ``cseq=N_M``, and
after each ``|`` a header line. ``recv 487 of=INVITE`` says what is answered when it is not the request
before. ``[$rseq]`` is the RSeq of our latest provisional response. What crosses the wire must be exactly the
steps, repetitions and 100 aside.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import msgspec
from tests.support.net import free_port, sipp_ports

from offhook.sip import (
    Address,
    Answered,
    AnyEvent,
    Canceled,
    Confirmed,
    Credentials,
    Ended,
    ForeignRequest,
    IncomingInvite,
    IncomingRegister,
    Info,
    OptionsAnswered,
    Provisional,
    Referred,
    RefreshDue,
    RegistrationChanged,
    Rejected,
    Reoffer,
    ReofferAnswered,
    ReofferRejected,
    Timers,
)
from offhook.sip.message import Request, parse
from offhook.sip.sdp import make_offer
from offhook.telephony.endpoint import SipEndpoint, udp_endpoint

FLOWS = Path(__file__).parent / "sipp"
DEADLINE = 12.0
"""Seconds for one flow."""
SDP = make_offer(host="127.0.0.1", port=4000, session_id=1, version=1)
_SIPP_SDP = """v=0
o=sipp 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 {host}
t=0 0
m=audio 6000 RTP/AVP 0 101
a=rtpmap:101 telephone-event/8000
a={direction}"""


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed scenario."""

    name: str
    role: str
    do: dict[str, list[str]]
    expect: list[str]
    checks: list[tuple[str, str]]
    steps: list[str]
    settings: dict[str, str]


def load(path: Path, status: int | None = None) -> Flow:
    """Read a ``.flow`` file; ``STATUS`` in it becomes ``status``."""
    text = path.read_text()
    if status is not None:
        text = text.replace("STATUS", str(status))
    head, _, tail = text.partition("---\n")
    do: dict[str, list[str]] = {}
    expect: list[str] = []
    checks: list[tuple[str, str]] = []
    settings: dict[str, str] = {}
    for line in head.splitlines():
        key, _, value = line.partition(": ")
        if key == "do":
            event, _, commands = value.partition(" -> ")
            do[event] = commands.split(", ")
        elif key == "expect":
            expect += value.split("; ")
        elif key == "check":
            word, _, wanted = value.partition(" | ")
            checks.append((word, wanted))
        elif line and not line.startswith("#"):
            settings[key] = value
    steps = [line for line in tail.splitlines() if line and not line.startswith("#")]
    return Flow(
        name=path.stem,
        role=settings.pop("role"),
        do=do,
        expect=expect,
        checks=checks,
        steps=steps,
        settings=settings,
    )


# --- SIPp's side


class _Scenario:
    """Renders a flow as SIPp's XML."""

    def __init__(self, flow: Flow, our_port: int) -> None:
        self.callee = flow.role == "callee"
        self.our_port = our_port
        self.steps = flow.steps
        self.reliable = any("[$rseq]" in step for step in flow.steps)
        self.tagged = False
        self.cseq = 0
        self.branches: dict[str, str] = {}

    def xml(self) -> str:
        body = "".join(self._step(number, line) for number, line in enumerate(self.steps))
        names = (["from", "to", "via"] if self.callee else []) + ["rseq"] * self.reliable
        uses = f'<Reference variables="{",".join(names)}"/>' if names else ""
        head = '<?xml version="1.0" encoding="ISO-8859-1" ?>'
        return f'{head}\n<scenario name="x">{body}{uses}</scenario>\n'

    def _step(self, number: int, line: str) -> str:
        verb, _, rest = line.partition(" ")
        if verb == "pause":
            return f'<pause milliseconds="{rest}"/>\n'
        words, *headers = rest.split(" | ")
        what, *options = words.split(" ")
        if verb == "recv":
            return self._recv(what)
        values = dict(option.split("=", 1) for option in options if "=" in option)
        sdp = self._sdp(values, options)
        if what.isdigit():
            text = self._response(what, values, headers, sdp)
        else:
            text = self._request(number, what, values, headers, sdp)
        return f"<send><![CDATA[\n{text}\n]]></send>\n"

    def _recv(self, what: str) -> str:
        if what.isdigit():
            rrs = ' rrs="true"' if what == "200" else ""
            hundred = "" if what == "100" else '<recv response="100" optional="true"/>\n'
            grab = ""
            if what.startswith("18") and self.reliable:
                grab = (
                    '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:"'
                    ' assign_to="rseq"/></action>'
                )
            return f'{hundred}<recv response="{what}"{rrs} timeout="5000">{grab}</recv>\n'
        if what == "ACK":
            self.tagged = True
        grab = ""
        if self.callee and what == "INVITE" and not self.tagged:
            grab = (
                '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>'
                '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>'
                '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/></action>'
            )
        return f'<recv request="{what}" timeout="5000">{grab}</recv>\n'

    def _sdp(self, values: dict[str, str], options: list[str]) -> str:
        if "key" in values:
            return f"Signal={values['key']}\nDuration=160"
        if "sdp" not in options and "sdp" not in values:
            return ""
        direction = values.get("sdp", "sendrecv")
        host = "127.0.0.1"
        if direction == "null":
            host, direction = "0.0.0.0", "sendrecv"
        return _SIPP_SDP.format(host=host, direction=direction)

    def _response(self, status: str, values: dict[str, str], headers: list[str], sdp: str) -> str:
        tag = f";tag={values.get('tag', 'bob')}"
        lines = [f"SIP/2.0 {status} Whatever"]
        if "cseq" in values:  # of the first INVITE, whatever came since
            lines += ["Via:[$via]", "[last_From:]", f"To:[$to]{tag}", "[last_Call-ID:]"]
            lines.append(f"CSeq: {values['cseq'].replace('_', ' ')}")
        else:
            to = "[last_To:]" + ("" if self.tagged or not self.callee else tag)
            lines += ["[last_Via:]", "[last_From:]", to, "[last_Call-ID:]", "[last_CSeq:]"]
        return self._finish(lines, headers, sdp)

    def _request(
        self, number: int, method: str, values: dict[str, str], headers: list[str], sdp: str
    ) -> str:
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
            self.branches[method] = values.get("branch", f"z9hG4bK-s{number}")
            branch = self.branches[method]
        else:
            invite = self.branches.get("INVITE", f"z9hG4bK-s{number}")
            branch = values.get("branch", invite if method == "CANCEL" else f"z9hG4bK-s{number}")
            branch = invite if branch == "same" else branch
        cseq = values.get("cseq", str(self.cseq))
        uri = values.get("uri", f"sip:offhook@127.0.0.1:{self.our_port}")
        param = "" if branch == "none" else f";branch={branch}"
        via = values.get("via", "SIP/2.0/UDP_[local_ip]:[local_port]").replace("_", " ", 1)
        if self.callee:
            people = [f"From:[$to];tag={values.get('tag', 'bob')}", "To:[$from]"]
        else:
            tag = values.get("to", "" if method == "CANCEL" else "[peer_tag_param]")
            people = [
                f"From: <sip:alice@[local_ip]:[local_port]>;tag={values.get('tag', 'alice')}",
                f"To: <sip:offhook@127.0.0.1:{self.our_port}>{tag}",
            ]
        lines = [f"{method} {uri} SIP/2.0", f"Via: {via}{param}", "Max-Forwards: 70", *people]
        lines += ["Call-ID: [call_id]", f"CSeq: {cseq} {method}"]
        return self._finish(lines, headers, sdp)

    def _finish(self, lines: list[str], headers: list[str], sdp: str) -> str:
        lines = lines + [header.replace("BIG", "x" * 20_000) for header in headers]
        if not any(header.lower().startswith(("contact", "m:")) for header in headers):
            lines.append("Contact: <sip:sipp@[local_ip]:[local_port]>")
        if sdp and not any(header.lower().startswith(("c:", "content-type")) for header in headers):
            lines.append("Content-Type: application/sdp")
        lines += ["Content-Length: [len]", "", sdp]
        return "\n".join(lines)


async def sipp(flow: Flow, our_port: int, port: int, folder: Path) -> asyncio.subprocess.Process:
    """Start SIPp on ``port``."""
    path = folder / "scenario.xml"
    path.write_bytes(_Scenario(flow, our_port).xml().encode("latin-1", "replace"))
    command = ["sipp", "-sf", str(path), "-i", "127.0.0.1", "-p", str(port), "-m", "1"]
    command += [*sipp_ports(), "-nostdin", "-nd"]
    command += ["-trace_err", "-error_file", str(folder / "errors.log"), "-buff_size", "131072"]
    command += ["-timeout", f"{DEADLINE:.0f}s", "-recv_timeout", "8000", "-timer_resol", "5"]
    if flow.role == "caller":
        command += ["-r", "10", f"127.0.0.1:{our_port}"]
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


async def bound(port: int, process: asyncio.subprocess.Process) -> None:
    """Wait until the process has bound the UDP port of loopback."""
    wanted = f"0100007F:{port:04X}"
    while wanted not in Path("/proc/net/udp").read_text():
        assert process.returncode is None, await process.communicate()
        await asyncio.sleep(0.01)


# --- our side


def describe(event: AnyEvent) -> str:
    """An event in short, as in ``expect``."""
    match event:
        case Provisional(status=status, sdp=sdp):
            return f"Provisional {status}" + (" sdp" if sdp else "")
        case Answered(sdp=sdp):
            return "Answered" + (" sdp" if sdp else "")
        case Rejected():
            extra = " local" if event.local else ""
            extra += f" q850={event.q850_cause}" if event.q850_cause is not None else ""
            extra += f" retry={event.retry_after}" if event.retry_after is not None else ""
            return f"Rejected {event.status}{extra}"
        case OptionsAnswered(status=status):
            return f"OptionsAnswered {status}"
        case RegistrationChanged(granted=granted):
            return f"RegistrationChanged {granted}"
        case IncomingRegister(user=user):
            return f"IncomingRegister {user}"
        case IncomingInvite(sdp=sdp):
            return "IncomingInvite" + (" sdp" if sdp else "")
        case Canceled():
            return "Canceled"
        case Confirmed(sdp=sdp):
            return "Confirmed" + (" sdp" if sdp else "")
        case Ended(by=by):
            return f"Ended {by}"
        case Reoffer(sdp=sdp):
            found = re.search(rb"a=(\w+only|sendrecv)", sdp or b"")
            null = b"0.0.0.0" in (sdp or b"")
            return "Reoffer " + ("null" if null else found[1].decode() if found else "none")
        case ReofferAnswered():
            return "ReofferAnswered"
        case ReofferRejected(status=status):
            return f"ReofferRejected {status}"
        case Referred(target=target, replaces=replaces):
            return f"Referred {target}" + (" replaces" if replaces else "")
        case RefreshDue():
            return "RefreshDue"
        case Info(body=body):
            return f"Info {body.decode().split()[0]}"
        case ForeignRequest(method=method):
            return f"ForeignRequest {method}"


class Player:
    """Our application: does on each event what the flow says, and notes it all."""

    def __init__(self, flow: Flow, endpoint: SipEndpoint, peer_port: int) -> None:
        self.flow = flow
        self.endpoint = endpoint
        self.peer_port = peer_port
        self.events: list[str] = []
        self.wire: list[tuple[str, bytes]] = []
        self.finished = asyncio.Event()
        self.calls = 0
        endpoint.tap = self._tap
        endpoint.on_incoming(self._on_event)

    def _tap(self, direction: str, data: bytes, address: Address) -> None:
        message = parse(data)
        match message:
            case Request():
                word = message.method
            case _:
                word = f"{message.status} {message.cseq[1]}"
        self.wire.append((f"{direction} {word}", data))

    def call(self) -> None:
        """Dial the callee, with the credentials of the flow."""
        user = self.flow.settings.get("credentials")
        with self.endpoint.command() as (agent, now):
            handle = agent.invite(
                now,
                target=Address("udp", "127.0.0.1", self.peer_port),
                request_uri=f"sip:bob@127.0.0.1:{self.peer_port}",
                from_uri="sip:alice@127.0.0.1",
                to_uri="sip:bob@127.0.0.1",
                sdp=SDP,
                credentials=Credentials(*user.split(":")) if user else None,
                session_expires=int(self.flow.settings.get("session_expires", 0)),
            )
        self.endpoint.listen(handle, self._on_event)
        self._run("start", handle)

    def _on_event(self, event: AnyEvent) -> None:
        text = describe(event)
        self.events.append(text)
        if isinstance(event, IncomingInvite):
            self.endpoint.listen(event.handle, self._on_event)
        for key in (text, text.split(" ")[0]):
            if key in self.flow.do:
                self._run(key, event.handle)
                break
        if len(self.events) >= len(self.flow.expect):
            self.finished.set()

    def _run(self, key: str, handle: str) -> None:
        for command in self.flow.do.get(key, ()):
            verb, _, argument = command.partition(" ")
            self._command(verb, argument, handle)

    def _command(self, verb: str, argument: str, handle: str) -> None:
        with self.endpoint.command() as (agent, now):
            match verb:
                case "bye":
                    agent.bye(handle, now)
                case "cancel":
                    agent.cancel(handle, now)
                case "ring":
                    agent.ring(handle, now, int(argument or 180))
                case "early":
                    agent.ring(handle, now, 183, SDP)
                case "accept":
                    agent.accept(handle, now, SDP)
                case "reject":
                    agent.reject(handle, now, int(argument))
                case "accept_reoffer":
                    agent.accept_reoffer(handle, now, SDP)
                case "reject_reoffer":
                    agent.reject_reoffer(handle, now, int(argument))
                case "reinvite":
                    assert agent.reinvite(handle, now, SDP)
                case "info":
                    agent.send_info(handle, now, "application/dtmf-relay", b"Signal=5\r\n")
                case "accept_refer":
                    agent.accept_refer(handle, now)
                case "reject_refer":
                    agent.reject_refer(handle, now)
                case "later":
                    loop = asyncio.get_running_loop()
                    seconds, _, rest = argument.partition(" ")
                    again, _, more = rest.partition(" ")
                    loop.call_later(float(seconds), self._command, again, more, handle)
                case _:
                    raise AssertionError(f"unknown command {verb}")


def crossed(player: Player) -> list[str]:
    """What crossed the wire, repetitions and 100 left out."""
    seen: set[bytes] = set()
    words = []
    for word, data in player.wire:
        if data in seen or "100 " in word:
            continue
        seen.add(data)
        words.append(word)
    return words


def planned(flow: Flow) -> list[str]:
    """What the steps of a flow say must cross the wire, from our side."""
    words = []
    method = ""
    for line in flow.steps:
        verb, _, rest = line.partition(" ")
        what = rest.split(" ")[0]
        if verb == "pause" or what == "100":
            continue
        direction = ">" if verb == "recv" else "<"
        if not what.isdigit():
            method = what if what != "ACK" else method
            words.append(f"{direction} {what}")
            continue
        found = re.search(r"(?:cseq=\d+_|of=)(\w+)", rest)
        words.append(f"{direction} {what} {found[1] if found else method}")
    return words


async def play(flow: Flow, folder: Path) -> Player:
    """Play the flow. Raises AssertionError when anything is not as it says."""
    limit = int(flow.settings["max_dialogs"]) if "max_dialogs" in flow.settings else None
    t1 = float(flow.settings.get("t1", 0.1))
    shortest = int(flow.settings.get("min_session", 90))
    timers = Timers(t1=t1, t2=4 * t1, t4=5 * t1, trying=0.05, min_session=shortest)
    endpoint = udp_endpoint("127.0.0.1", 0, timers=timers, max_dialogs=limit)
    await endpoint.start()
    port = free_port()
    player = Player(flow, endpoint, port)
    process = await sipp(flow, endpoint.local_address[1], port, folder)
    try:
        async with asyncio.timeout(DEADLINE):
            if flow.role == "callee":
                await bound(port, process)
                player.call()
            _, errors = await process.communicate()
            log = folder / "errors.log"
            notes = log.read_text(errors="replace")[:1500] if log.exists() else errors.decode()
            assert process.returncode == 0, f"{notes}\n{player.events}\n{crossed(player)}"
            if flow.expect:
                await player.finished.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await endpoint.close()
    return player
