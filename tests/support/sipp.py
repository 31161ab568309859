"""Debian's ``sipp`` as the carrier (or a caller): a real, foreign SIP stack."""

from __future__ import annotations

import asyncio
import csv
import shutil
import signal
import socket
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from tests.support.net import free_port, sipp_ports

from offhook.sip.encoding import host_port

SCENARIOS = Path(__file__).parent / "scenarios"

STARTS = 3
"""How often it is started until it has its ports."""

available = shutil.which("sipp") is not None


class SippError(Exception):
    """SIPp would not start, or ended as it should not have."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """SIPp's own statistics."""

    created: int
    successful: int
    failed: int
    retransmissions: int


class Sipp:
    """One SIPp process on a free port of loopback; ``async with`` starts and ends it.

    ``keys`` fill ``[name]`` in the scenario. ``calls`` (with ``target``: place that many at ``rate`` a
    second) makes it end by itself; no call begins after ``timeout`` seconds.
    """

    def __init__(
        self,
        scenario: str,
        folder: Path,
        *,
        keys: Mapping[str, object] | None = None,
        calls: int | None = None,
        target: str | None = None,
        rate: float = 10.0,
        service: str = "service",
        timeout: float = 120.0,
        log_messages: bool = False,
        over: str = "udp",
        host: str = "127.0.0.1",
    ) -> None:
        self.port = free_port()
        defaults = {"contact_port": self.port, "rtp_port": 9, "caller_number": "caller"}
        defaults |= {"more_headers": "", "packet_time": "ptime:20"}
        self.keys = {**defaults, "patience": 60_000, **(keys or {})}
        self._scenario = scenario
        self._folder = folder / f"sipp-{scenario}-{self.port}"
        self._calls = calls
        self._target = target
        self._rate = rate
        self._service = service
        self._timeout = timeout
        self._log_messages = log_messages
        self._over = over
        self._host = host
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """As a trunk's address."""
        return f"{self._over}:{host_port(self._host, self.port)}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True)
        self._write_scenario()
        for attempt in range(1, STARTS + 1):
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                await self._bound()
            except SippError:
                # Another process took its control or media port between the search and the bind.
                if attempt == STARTS:
                    raise
            else:
                break
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def ended(self) -> Counts:
        """Wait until all calls are over, also when some failed."""
        assert self._process is not None
        async with asyncio.timeout(self._timeout + 2):
            await self._process.communicate()
        return self.counts()

    async def finished(self) -> Counts:
        """Wait until all its ``calls`` are over.

        Raises :class:`SippError` unless each of them was begun and went as the scenario says. SIPp's exit
        status alone does not say so: it is 0 as well when it was ended after fewer calls.
        """
        assert self._process is not None
        assert self._calls is not None, "without a number of calls it does not end by itself"
        try:
            async with asyncio.timeout(self._timeout + 2):
                _, errors = await self._process.communicate()
        except TimeoutError:
            raise SippError(f"sipp still waits:\n{self.errors()}") from None
        if self._process.returncode != 0:
            raise SippError(
                f"sipp ended with {self._process.returncode}: {errors.decode()[-500:]}\n"
                + self.errors()
            )
        return self._all_successful(self._calls, self.counts())

    async def succeeded(self, calls: int, timeout: float = 30.0) -> Counts:
        """Wait until exactly ``calls`` calls went as the scenario says, from the first to its end.

        Raises :class:`SippError` when one failed or more were begun, or when the last does not end in
        ``timeout`` seconds. A check that no call failed is not enough: a call that waits for a BYE
        that never comes has not failed yet.
        """
        try:
            async with asyncio.timeout(timeout):
                while (counts := self.counts()).successful < calls and not counts.failed:
                    await asyncio.sleep(0.05)  # it writes its statistics every second
        except TimeoutError:
            counts = self.counts()
        return self._all_successful(calls, counts)

    def _all_successful(self, calls: int, counts: Counts) -> Counts:
        if (counts.created, counts.successful, counts.failed) != (calls, calls, 0):
            raise SippError(f"expected {calls} successful calls, found {counts}:\n{self.errors()}")
        return counts

    async def stop(self) -> None:
        """End it now."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(3):
                    await self._process.communicate()
            except TimeoutError:
                self._process.kill()
                await self._process.communicate()

    def counts(self) -> Counts:
        """The latest statistics (SIPp writes them every second and at its end)."""
        with (self._folder / "stat.csv").open() as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        last = rows[-1]
        return Counts(
            created=int(last["TotalCallCreated"]),
            successful=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            retransmissions=int(last["Retransmissions(C)"]),
        )

    def errors(self) -> str:
        """What SIPp found unexpected (the first 2,000 characters)."""
        path = self._folder / "errors.log"
        return path.read_text(errors="replace")[:2000] if path.exists() else ""

    def invites(self) -> dict[str, set[str]]:
        """For each number called, the Call-IDs of its INVITEs (needs ``log_messages``)."""
        found: dict[str, set[str]] = defaultdict(set)
        path = self._folder / "messages.csv"
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            fields = line.split("\t")
            invite = next((field for field in fields if field.startswith("INVITE sip:")), None)
            if invite is not None:
                number = invite.removeprefix("INVITE sip:").partition("@")[0]
                found[number].add(fields[4])
        return found

    def begins(self) -> list[float]:
        """When each call's first INVITE came, in seconds, in order (needs ``log_messages``)."""
        first: dict[str, float] = {}
        path = self._folder / "messages.csv"
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            fields = line.split("\t")
            if any(field.startswith("INVITE sip:") for field in fields):
                first.setdefault(fields[4], float(fields[2]))
        return sorted(first.values())

    def most_at_once(self) -> int:
        """Calls it had at the same time at the most, from INVITE to BYE (needs ``log_messages``)."""
        live: set[str] = set()
        over: set[str] = set()
        most = 0
        path = self._folder / "messages.csv"
        for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
            fields = line.split("\t")
            if any(field.startswith("BYE sip:") for field in fields):
                live.discard(fields[4])
                over.add(fields[4])
            elif any(field.startswith("INVITE sip:") for field in fields) and fields[4] not in over:
                live.add(fields[4])
                most = max(most, len(live))
        return most

    def messages(self) -> str:
        """Every message on the wire, both ways (needs ``log_messages``)."""
        path = self._folder / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _write_scenario(self) -> None:
        """Fill the keys in ourselves: SIPp's own ``-key`` cannot stand for a status."""
        text = (SCENARIOS / f"{self._scenario}.xml").read_text()
        for name, value in self.keys.items():
            text = text.replace(f"[{name}]", str(value))
        if ":" in self._host:
            text = text.replace("IN IP4 [local_ip]", "IN IP6 [media_ip]")
        (self._folder / "scenario.xml").write_text(text)

    def _command(self) -> list[str]:
        command = ["sipp", "-sf", "scenario.xml", "-t", "t1" if self._over == "tcp" else "u1"]
        command += ["-i", self._host, "-p", str(self.port), "-mi", self._host]
        command += [*sipp_ports(), "-nostdin", "-nd"]
        command += ["-trace_err", "-error_file", "errors.log"]
        command += ["-trace_stat", "-stf", "stat.csv", "-fd", "1"]
        command += ["-timeout", f"{self._timeout:.0f}s", "-timer_resol", "5"]
        if self._log_messages:
            command += ["-trace_shortmsg", "-shortmessage_file", "messages.csv"]
            command += ["-trace_msg", "-message_file", "messages.log"]
        if self._calls is not None:
            command += ["-m", str(self._calls)]
        if self._target is not None:
            command += ["-r", f"{self._rate:g}", "-s", self._service, self._target]
        return command

    async def _bound(self) -> None:
        """Wait until its socket is bound: it writes its first statistics then."""
        assert self._process is not None
        async with asyncio.timeout(30):
            while not _is_bound(self._host, self.port, self._over):
                if self._process.returncode is not None:
                    assert self._process.stderr is not None
                    raise SippError((await self._process.stderr.read()).decode()[-1000:])
                await asyncio.sleep(0.01)


def _is_bound(host: str, port: int, over: str) -> bool:
    wide = ":" in host
    address = "00000000" * 3 + "01000000" if wide else socket.inet_aton(host)[::-1].hex().upper()
    wanted = f"{address}:{port:04X}"
    return any(
        line.split()[1] == wanted
        for line in Path("/proc/net", over + "6" * wide).read_text().splitlines()[1:]
    )
