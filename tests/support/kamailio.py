"""Debian's Kamailio as a peer: the registrar and the proxy of most carriers."""

from __future__ import annotations

import asyncio
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.net import free_port

available = shutil.which("kamailio") is not None
STARTS_FOR = 20.0
"""Seconds."""
_HEAD = """\
debug = 1
log_stderror = yes
fork = yes
children = 1
tcp_children = 1
disable_tcp = {no_tcp}
enable_tls = {tls}
auto_aliases = no
mpath = "{modules}"
{listens}
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "xlog.so"
"""


def modules() -> Path:
    """The folder with its modules."""
    return next(Path("/usr/lib").glob("*/kamailio/modules"))


class Kamailio:
    """One Kamailio on loopback; ``async with`` starts and ends it.

    ``routes`` is the configuration behind the modules that every test needs. ``{port}`` in it is replaced.
    """

    def __init__(self, folder: Path, routes: str, *, also_listen: tuple[str, ...] = ()) -> None:
        """``also_listen``: further sockets, such as ``tls:127.0.0.1:5061``."""
        self.port = free_port()
        self._folder = folder
        self._routes = routes
        self._listen = (f"udp:127.0.0.1:{self.port}", *also_listen)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        """As a trunk's address."""
        return f"udp:127.0.0.1:{self.port}"

    def use(self, routes: str) -> None:
        """Take another configuration; before it is started."""
        self._routes = routes

    @property
    def output(self) -> str:
        """What it said."""
        return (self._folder / "output").read_text(errors="replace")

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "kamailio.cfg"
        head = _HEAD.format(
            modules=modules(),
            listens="\n".join(f"listen = {socket}" for socket in self._listen),
            no_tcp="yes" if len(self._listen) == 1 else "no",
            tls="yes" if any(each.startswith("tls:") for each in self._listen) else "no",
        )
        config.write_text("#!KAMAILIO\n" + head + self._routes.replace("{port}", str(self.port)))
        with (self._folder / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                *("kamailio", "-f", str(config), "-DD", "-E", "-m", "32", "-M", "8"),
                *("-w", str(self._folder), "-Y", str(self._folder)),
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        async with asyncio.timeout(STARTS_FOR):
            while f"0100007F:{self.port:04X}" not in Path("/proc/net/udp").read_text():
                assert self._process.returncode is None, self.output
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
