"""Debian's softphones as registered phones: baresip and linphonec, with SIP stacks of their own."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.net import free_port

available = all(map(shutil.which, ("baresip", "linphonec")))
STARTS_FOR = 15.0
_BARESIP = """\
sip_listen 127.0.0.1:{port}
audio_source aubridge,x
audio_player aubridge,x
audio_alert aubridge,y
module_path {modules}
module stdio.so
module g711.so
module aubridge.so
module_app account.so
module_app menu.so
rtp_ports {rtp}-{rtp_end}
"""
_LINPHONE = """\
[sip]
sip_port={port}
sip_tcp_port=0
sip_tls_port=0
guess_hostname=0
contact="{user}" <sip:{user}@127.0.0.1>
register_only_when_network_is_up=0
default_proxy=0
ipv6_migration_done=1
use_ipv6=0
[rtp]
audio_rtp_port={rtp}
[sound]
playback_dev_id=ALSA: Null
[proxy_0]
reg_proxy=<sip:127.0.0.1:{server};transport=udp>
reg_identity="{user}" <sip:{user}@127.0.0.1>
reg_expires=120
reg_sendregister=1
publish=0
dial_escape_plus=0
[auth_info_0]
username={user}
userid={user}
passwd={password}
realm=offhook
"""


class Softphone(NamedTuple):
    """A running phone."""

    process: asyncio.subprocess.Process
    port: int
    log: Path

    async def types(self, line: str) -> None:
        """Type a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def says(self, words: str, timeout: float = 15.0) -> None:
        """Wait until it prints ``words``."""
        async with asyncio.timeout(timeout):
            while words not in self.log.read_text(errors="replace"):
                assert self.process.returncode is None, self.log.read_text(errors="replace")
                await asyncio.sleep(0.02)


@asynccontextmanager
async def _running(log: Path, port: int, *command: str, home: Path) -> AsyncIterator[Softphone]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
            cwd=home,
        )
    try:
        async with asyncio.timeout(STARTS_FOR):
            while f":{port:04X} " not in Path("/proc/net/udp").read_text():
                assert process.returncode is None, log.read_text(errors="replace")
                await asyncio.sleep(0.02)
        yield Softphone(process, port, log)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(5):
                    await process.wait()
            except TimeoutError:
                process.kill()
        await process.wait()


@asynccontextmanager
async def baresip(
    folder: Path,
    server: int,
    user: str,
    password: str,
    *,
    answers: bool = True,
    port: int | None = None,
    at: str = "127.0.0.1",
) -> AsyncIterator[Softphone]:
    """baresip, registered as ``user`` with the server on that port; with a ``port`` of its own: not.

    ``at``: the server's address.
    """
    folder.mkdir(parents=True)
    registers = 60 if port is None else 0
    port, rtp = port or free_port(), free_port(beside=20)
    modules = next(Path("/usr/lib").glob("**/baresip/modules/g711.so")).parent
    (folder / "config").write_text(
        _BARESIP.format(port=port, modules=modules, rtp=rtp, rtp_end=rtp + 20)
        + ("net_interface 127.0.0.1\n" if at != "127.0.0.1" else "")
    )
    mode = "auto" if answers else "manual"
    (folder / "accounts").write_text(
        f"<sip:{user}@{at}:{server}>;auth_user={user};auth_pass={password}"
        f";regint={registers};answermode={mode}\n"
    )
    (folder / "contacts").write_text("")
    command = ("baresip", "-4", "-f", str(folder))
    async with _running(folder / "log", port, *command, home=folder) as phone:
        yield phone


@asynccontextmanager
async def linphone(
    folder: Path, server: int, user: str, password: str, *, answers: bool = True
) -> AsyncIterator[Softphone]:
    """linphonec, registered as ``user`` with the server on that port."""
    (folder / ".local/share/linphone").mkdir(parents=True)  # without it linphonec opens no socket
    port, rtp = free_port(), free_port(beside=20)
    (folder / "linphonerc").write_text(
        _LINPHONE.format(port=port, rtp=rtp, server=server, user=user, password=password)
    )
    command = ["linphonec", "-c", str(folder / "linphonerc"), *(["-a"] if answers else [])]
    async with _running(folder / "log", port, *command, home=folder) as phone:
        yield phone
