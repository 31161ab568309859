"""Asterisk as a peer: it runs in a Debian of its own, answers, plays a tone and records what it hears."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from tests.support.net import free_port
from tests.support.wide_codecs import Pcm, wide_tone

ROOT = Path(__file__).parents[2]
SETS_UP_FOR = 900
"""Seconds at most for the folder, which is made once."""
STARTS_FOR = 60.0
TONE = 700.0
"""Hz of what it plays."""
TONE_SECONDS = 2.5
HERE = "/offhook-test"
MODULES = (
    *("res_timing_timerfd", "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb"),
    *("res_pjproject", "res_pjsip", "res_pjsip_session", "res_pjsip_authenticator_digest"),
    *("res_pjsip_pubsub", "res_pjsip_sdp_rtp", "res_pjsip_caller_id", "res_srtp"),
    *("res_pjsip_endpoint_identifier_user", "res_rtp_asterisk", "chan_pjsip", "pbx_config"),
    *("codec_ulaw", "codec_alaw", "codec_g722", "codec_opus_open_source", "codec_resample"),
    *("res_format_attr_opus", "format_sln", "format_wav", "app_playback", "app_mixmonitor"),
    *("app_echo",),
)
DIALPLAN = """\
[in]
exten => _h.,1,Answer()
 same => n,MixMonitor({here}/both-${{EXTEN}}.wav,r({here}/${{EXTEN}}.wav))
 same => n,Playback({here}/tone)
 same => n,StopMixMonitor()
 same => n,Hangup()
exten => echo,1,Answer()
 same => n,Echo()
"""
ENDPOINT = """\
[{name}]
type = endpoint
transport = lo
context = in
disallow = all
allow = ulaw,alaw,g722,opus
direct_media = no
rtp_symmetric = yes
timers = no
media_encryption = {encryption}
[{name}]
type = aor
"""
PJSIP = """\
[lo]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
"""
DIRECTORIES = """\
[directories]
astetcdir => {here}/etc
astmoddir => {modules}
astvarlibdir => /var/lib/asterisk
astdbdir => {here}
astkeydir => /var/lib/asterisk
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {here}
astrundir => {here}
astlogdir => {here}
astsbindir => /usr/sbin
[options]
verbose = 0
nocolor = yes
"""
PLAIN, SECURE = "plain", "secure"
"""Its endpoints: calls with these names in From are taken without and with SRTP."""


class Asterisk(NamedTuple):
    """The running program."""

    port: int
    folder: Path
    """Where it keeps its recordings."""

    def heard(self, extension: str) -> tuple[Pcm, int]:
        """What it recorded of a call, and the rate."""
        path = self.folder / f"{extension}.wav"
        pcm, rate = soundfile.read(path, dtype="int16")
        return np.asarray(pcm), int(rate)


def asterisk_folder() -> Path:
    """The Debian with Asterisk; made when it is not there."""
    done = subprocess.run(
        [ROOT / "scripts" / "asterisk-folder"],
        capture_output=True,
        text=True,
        timeout=SETS_UP_FOR,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def _configure(root: Path, folder: Path, port: int) -> None:
    endpoints = ENDPOINT.format(name=PLAIN, encryption="no")
    endpoints += ENDPOINT.format(name=SECURE, encryption="sdes")
    write_files(root, folder, DIALPLAN.format(here=HERE), PJSIP.format(port=port) + endpoints)


def write_files(
    root: Path, folder: Path, dialplan: str, pjsip: str, modules: Iterable[str] = MODULES
) -> None:
    """Its configuration, and the tone that it plays."""
    found = next(root.glob("usr/lib/*/asterisk/modules"))
    rtp = free_port(beside=200)
    files = {
        "asterisk.conf": DIRECTORIES.format(here=HERE, modules=f"/{found.relative_to(root)}"),
        "modules.conf": "[modules]\nautoload = no\n"
        + "".join(f"load = {module}.so\n" for module in modules),
        "extensions.conf": dialplan,
        "rtp.conf": f"[general]\nrtpstart = {rtp}\nrtpend = {rtp + 199}\nicesupport = no\n",
        "pjsip.conf": pjsip,
        "logger.conf": "[general]\n[logfiles]\nmessages => warning,error\n",
    }
    (folder / "etc").mkdir()
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    tone = wide_tone(TONE, TONE_SECONDS)
    (folder / "tone.sln16").write_bytes(tone.astype("<i2").tobytes())
    (folder / "tone.sln").write_bytes(tone[::2].astype("<i2").tobytes())
    (root / HERE[1:]).mkdir(exist_ok=True)


SetUp = Callable[[Path, Path, int], None]
"""Writes the configuration: given its Debian, its folder there, and the UDP port to listen on."""


@asynccontextmanager
async def asterisk(folder: Path, set_up: SetUp = _configure) -> AsyncIterator[Asterisk]:
    """A running Asterisk with an empty ``folder``; everything of it ends with the block."""
    root = await asyncio.to_thread(asterisk_folder)
    port = free_port()
    set_up(root, folder, port)
    # In namespaces of its own: what it mounts, and whatever it starts, ends with it.
    inside = (
        f'mount -t proc proc "{root}/proc" && mount --bind "{folder}" "{root}{HERE}" &&'
        f' exec chroot "{root}" /usr/sbin/asterisk -f -C {HERE}/etc/asterisk.conf'
    )
    unshare = str(shutil.which("unshare"))
    with (folder / "output").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(unshare, "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", inside),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    try:
        async with asyncio.timeout(STARTS_FOR):
            while f"0100007F:{port:04X}" not in Path("/proc/net/udp").read_text():
                assert process.returncode is None, (folder / "output").read_text()
                await asyncio.sleep(0.05)
        yield Asterisk(port, folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
