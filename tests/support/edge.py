"""Kamailio with the configuration of ``deploy/kamailio``, in front of nodes and carriers on loopback."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.net import free_port

available = shutil.which("kamailio") is not None
DEPLOYED = Path(__file__).parents[2] / "deploy" / "kamailio"
OUTSIDE, CARRIERS_IN, PHONES_IN = "127.0.0.5", "127.0.0.6", "127.0.0.7"
"""Its addresses: towards carriers and phones; towards nodes, what carriers send and what phones send."""
_STARTS_FOR = 20.0
_OPTIONS = (
    "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK{here}\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:{to}>\r\nCall-ID: {here}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n"
)


def _free_outside() -> int:
    """A port that is free on the edge's own addresses too."""
    while True:
        port = free_port()
        try:
            for host in (OUTSIDE, CARRIERS_IN, PHONES_IN):
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(socket.AF_INET, kind) as tried:
                        tried.bind((host, port))
        except OSError:
            continue
        return port


class Edge:
    """One running edge; ``async with`` starts and ends it.

    ``nodes`` and ``carriers`` are addresses such as ``127.0.0.11:5060``; ``settings`` replaces words of
    ``settings.cfg``.
    """

    def __init__(
        self,
        folder: Path,
        nodes: Sequence[str],
        carriers: Sequence[str] = (),
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = _free_outside()
        """Of every address, also for the carriers' group."""
        self.tls_port = _free_outside()
        self._folder = folder
        self._nodes = nodes
        self._carriers = carriers
        self._settings = settings or {}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """Where carriers and phones reach it."""
        return f"{OUTSIDE}:{self.port}"

    @property
    def trunk(self) -> str:
        """As the address of the nodes' trunk."""
        return f"udp:{CARRIERS_IN}:{self.port}"

    @property
    def output(self) -> str:
        """What it said."""
        return (self._folder / "output").read_text(errors="replace")

    def _write(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in ("kamailio.cfg", "tls.cfg", "settings.cfg"):
            shutil.copy(DEPLOYED / name, self._folder / name)
        rows = [f"1 sip:{node} 8" for node in self._nodes]
        count = len(self._carriers)
        rows += [
            f"{self.port} sip:{carrier} 0 {count - number}"
            for number, carrier in enumerate(self._carriers)
        ]
        (self._folder / "dispatcher.list").write_text("\n".join(rows) + "\n")
        settings = {
            "OUTSIDE_UDP": f"udp:{OUTSIDE}:{self.port}",
            "OUTSIDE_TCP": f"tcp:{OUTSIDE}:{self.port}",
            "OUTSIDE_TLS": f"tls:{OUTSIDE}:{self.tls_port}",
            "INSIDE_CARRIERS": f"udp:{CARRIERS_IN}:{self.port}",
            "INSIDE_PHONES": f"udp:{PHONES_IN}:{self.port}",
            "LIST": str(self._folder / "dispatcher.list"),
            "TLS_SETTINGS": str(self._folder / "tls.cfg"),
            "CONTROL": f"unixs:{self._folder}/control",
            "PROBE_EVERY": "1",
            **self._settings,
        }
        path = self._folder / "settings.cfg"
        text = path.read_text()
        for name, value in settings.items():
            text, found = re.subn(rf'"!{name}!.*!g"', f'"!{name}!{value}!g"', text)
            assert found == 1, name
        path.write_text(text)

    def use_certificate(self, certificate: Path, key: Path, *, trusts: Path | None = None) -> None:
        """What its TLS shows, and whom it ``trusts`` when it connects; before it is started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(certificate, self._folder / "cert.pem")
        shutil.copy(trusts or certificate, self._folder / "carriers-ca.pem")
        shutil.copy(key, self._folder / "key.pem")

    async def __aenter__(self) -> Self:
        self._write()
        tls = self._folder / "tls.cfg"
        if (self._folder / "cert.pem").exists():
            tls.write_text(tls.read_text().replace("/etc/kamailio", str(self._folder)))
        else:
            settings = self._folder / "settings.cfg"
            settings.write_text(settings.read_text().replace("#!define WITH_TLS", ""))
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *("kamailio", "-f", str(self._folder / "kamailio.cfg"), "-DD", "-E"),
                *("-m", "64", "-M", "8", "-w", str(self._folder), "-Y", str(self._folder)),
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        try:
            async with asyncio.timeout(_STARTS_FOR):
                while not await self._answers():
                    assert self._process.returncode is None, self.output
        except BaseException:
            await self._end()
            raise
        return self

    async def control(self, *words: str) -> str:
        """What ``kamcmd`` prints."""
        process = await asyncio.create_subprocess_exec(
            *("kamcmd", "-s", f"unix:{self._folder}/control", *words),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return out.decode()

    @staticmethod
    def down(listed: str) -> set[str]:
        """The addresses that count as dead in what ``dispatcher.list`` printed."""
        return set(re.findall(r"URI: sip:(\S+)\s+FLAGS: I", listed))

    async def _answers(self) -> bool:
        """Ask it whether it is there, and wait a moment for the answer."""
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.setblocking(False)
        asker.bind(("127.0.0.97", 0))
        here = "{}:{}".format(*asker.getsockname())
        asker.sendto(_OPTIONS.format(to=self.address, here=here).encode(), (OUTSIDE, self.port))
        try:
            async with asyncio.timeout(0.25):
                return bool(await asyncio.get_running_loop().sock_recv(asker, 2048))
        except TimeoutError:
            return False
        finally:
            asker.close()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        assert self._process is not None
        print(f"the edge said:\n{self.output[-4000:]}")  # pytest shows it where a test fails
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
