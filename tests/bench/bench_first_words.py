"""How soon a text is heard, by engine and length, and what speech costs. ``make bench ARGS=first_words``.

First in this process: the first words of texts that are new, by a cold worker and a warm one, and of known
ones; CPU of the worker for each second of speech, and its memory. Then over real calls: a live call is given
a new text (``POST …/sessions/{id}/callflows``), and the time until its first loud packet arrives at the
telephone is taken: with no other call; beside 20 that listen to a text which was made before; beside 20
whose long texts are being made, each another one; and right after those have hung up.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.support.installed_voices import FOLDER
from tests.support.net import RtpSink
from tests.support.receiver import Receiver
from tests.support.server import SOURCE, Server, configuration
from tests.support.sipp import Sipp
from tests.support.telephone import Packet, Telephone

from offhook.config import Voices
from offhook.net.http_client import HttpClient
from offhook.speech.service import SpeechService

ENGINES = ("espeak-ng", "kokoro")
LENGTHS = (20, 40, 200, 2000)
ROUNDS = 5
PROGRAMS = {"espeak-ng": "espeak_worker.py", "kokoro": "kokoro_worker.py"}
LOUD = 400.0
"""RMS of a packet with words."""
SENTENCES = (
    "Your order of {0} items arrives on Monday. We will send message number {0} when it is on its way. "
    "If nobody is at home, the driver leaves it with neighbour {0}, and you find card {0} in your box. "
)
"""The first one has 40 characters with a number of one digit. No two texts have a piece in common."""
NUMBERS = itertools.count(1)


@lru_cache(maxsize=10_000)
def is_loud(packet: Packet) -> bool:
    """Whether it holds words."""
    return packet.level > LOUD


def new_text(length: int) -> str:
    """A text of ``length`` characters that was not spoken yet."""
    number = next(NUMBERS)
    text = "".join(SENTENCES.format(number + n) for n in range(length // len(SENTENCES) + 2))
    return text[:length].rstrip()


def workers(engine: str) -> list[int]:
    """The pids of the workers of an engine, this machine's."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(each.endswith(PROGRAMS[engine].encode()) for each in arguments):
                found.append(int(folder.name))
    return found


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """MiB that a process has had at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(
        int(row.split()[1]) / 1024 for row in status.splitlines() if row.startswith("VmHWM")
    )


async def first_words(service: SpeechService, text: str) -> float:
    """Milliseconds until the first part of ``text`` is there; the rest is waited for too."""
    asked: dict[str, Any] = {"voice_profile": None, "language": "en-US"}
    began = time.perf_counter()
    first = 0.0
    for piece in service.cut(text, **asked):
        async for _ in service.say_in_parts(piece, **asked, speed=1, owner="x"):
            first = first or (time.perf_counter() - began) * 1000
    return first


async def in_process(engine: str, lengths: Sequence[int]) -> None:
    """Print the figures of one engine without a call."""
    client = HttpClient(allow_private=False)
    settings = Voices(folder=str(FOLDER), order=(engine,))  # type: ignore[arg-type]
    service = SpeechService.embedded(client, settings=settings, processes=1)
    others = set(workers(engine))
    text = new_text(40)
    print(f"{engine}: cold, 40 characters: {await first_words(service, text):.0f} ms")
    (worker,) = set(workers(engine)) - others
    for length in lengths:
        texts = [new_text(length) for _ in range(2 if length > 1000 else ROUNDS)]
        warm = statistics.median([await first_words(service, text) for text in texts])
        cached = statistics.median([await first_words(service, text) for text in texts])
        print(
            f"{engine}: {length} characters: warm {warm:.0f} ms, cached {cached:.2f} ms", flush=True
        )
    before, seconds = cpu_of(worker), 0.0
    for _ in range(ROUNDS):
        asked: dict[str, Any] = {"voice_profile": None, "language": "en-US"}
        for piece in service.cut(new_text(200), **asked):
            seconds += (await service.say(piece, **asked, speed=1, owner="x")).duration
    cost = (cpu_of(worker) - before) / seconds
    print(
        f"{engine}: {1000 * cost:.0f} ms of CPU for each second of speech, {memory_of(worker):.0f} MiB"
    )
    await service.close()
    await client.close()


class Line:
    """A server and the telephones of its calls."""

    def __init__(self, server: Server, receiver: Receiver, phone: Telephone) -> None:
        self.server = server
        self.receiver = receiver
        self.phone = phone
        self.others: list[str] = []
        """The sessions of the other calls."""

    async def heard_after(self, text: str) -> float:
        """Milliseconds from the request with ``text`` for a live call to its first loud packet."""
        waits = {
            "action": "sayAndCapture",
            "params": {"promptMessage": "Yes?", "language": "en-US", "overallTimeout": 60_000},
        }
        call = {"action": "makeCall", "params": {"source": SOURCE, "destination": "+12025550101"}}
        here = len(self.phone.packets)

        def first_loud() -> float | None:
            return next((p.at for p in self.phone.packets[here:] if is_loud(p)), None)

        session = await self.server.place({"callflow": [call, waits]})
        await self.phone.wait_for(lambda: first_loud() is not None, 60)
        await self.phone.wait_for(lambda: self._silent(0.5), 60)
        here = len(self.phone.packets)
        began = time.monotonic()
        say = {"action": "say", "params": {"text": text, "language": "en-US"}}
        status, answer = await self.server.replace(session, {"callflow": [say]})
        assert status == 200, answer

        await self.phone.wait_for(lambda: first_loud() is not None, 60)
        if len(text) > LENGTHS[2]:
            # The rest of it is made for some time, so the next new text of this length comes later.
            await self.server.delete_session(session)
        await self.receiver.wait_for(lambda: session in self.receiver.summaries(), 60)
        first = first_loud()
        assert first is not None
        return (first - began) * 1000

    def _silent(self, seconds: float) -> bool:
        last = self.phone.packets[-round(seconds * 50) :]
        return not any(is_loud(packet) for packet in last)


async def idle(engine: str) -> None:
    """Wait until the workers of an engine take no processor time for three seconds."""
    before = None
    while (taken := [cpu_of(pid) for pid in workers(engine)]) != before:
        before = taken
        await asyncio.sleep(3)


class Others(Enum):
    """What the other calls listen to."""

    MADE = "made before"
    IN_THE_MAKING = "being made"


@asynccontextmanager
async def line(engine: str, live: int, others_hear: Others) -> AsyncIterator[Line]:
    """A server whose ``engine`` speaks, with ``live`` other calls that listen to texts."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        receiver = await stack.enter_async_context(Receiver())
        phone = await stack.enter_async_context(Telephone())
        others = await stack.enter_async_context(RtpSink())
        carriers = {
            prefix: (
                await stack.enter_async_context(
                    Sipp("answer", folder, keys={"rtp_port": port}, timeout=3600)
                )
            ).address
            for prefix, port in (("+1202555", phone.port), ("+44", others.port))
        }
        config = configuration(
            carriers, webhooks={"VSS": receiver.url("/vss"), "VCA": receiver.url("/vca")}
        )
        config["voices"] = {"folder": str(FOLDER), "order": [engine]}
        config["limits"]["media_timeout"] = 3600  # the other phones send nothing
        server = await stack.enter_async_context(Server(folder / "server", config))
        hold = "You are still on hold. We are with you in a moment. " * 12
        here = Line(server, receiver, phone)
        for number in range(live):
            text = hold if others_hear is Others.MADE else new_text(2500)
            destination = f"+4479460{number:05}"
            call = {"action": "makeCall", "params": {"source": SOURCE, "destination": destination}}
            say = {
                "action": "say",
                "params": {"text": text, "language": "en-US", "repetition": 3},
            }
            here.others.append(await server.place({"callflow": [call, *[say] * 10]}))
        await others.streaming(live, 60)
        if others_hear is Others.MADE:
            await idle(engine)
        yield here


async def over_calls(engine: str, live: int, rounds: int, lengths: Sequence[int]) -> None:
    """Print how soon new and known texts are heard on a live call."""
    async with line(engine, live, Others.MADE) as here:
        await here.heard_after(new_text(40))
        for length in lengths:
            texts = [new_text(length) for _ in range(rounds)]
            new = [await here.heard_after(text) for text in texts]
            known = [await here.heard_after(text) for text in texts]
            for kind, times in (("new", new), ("known", known)):
                print(
                    f"{engine}, beside {live} calls, {kind} text of {length} characters heard after"
                    f" {statistics.median(times):.0f} ms (at most {max(times):.0f})",
                    flush=True,
                )


async def beside_makings(engine: str, live: int, rounds: int, lengths: Sequence[int]) -> None:
    """Print how soon new texts are heard while long ones of other calls are made, and after these ended."""
    async with line(engine, live, Others.IN_THE_MAKING) as here:
        for length in lengths:
            times = [await here.heard_after(new_text(length)) for _ in range(rounds)]
            print(
                f"{engine}, beside {live} calls whose texts are being made, new text of {length}"
                f" characters heard after {statistics.median(times):.0f} ms (at most {max(times):.0f})",
                flush=True,
            )
        async with asyncio.TaskGroup() as group:
            for session in here.others:
                group.create_task(here.server.delete_session(session))
        after = await here.heard_after(new_text(lengths[0]))
        print(f"{engine}, right after these {live} hung up: {after:.0f} ms", flush=True)


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", nargs="*", default=list(ENGINES))
    parser.add_argument("--live", nargs="*", type=int, default=[0, 20])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--lengths", nargs="*", type=int, default=list(LENGTHS))
    parser.add_argument("--only", choices=("texts", "calls"))
    asked = parser.parse_args()
    for engine in asked.engines:
        if asked.only != "calls":
            asyncio.run(in_process(engine, asked.lengths))
        if asked.only != "texts":
            for live in asked.live:
                asyncio.run(over_calls(engine, live, asked.rounds, asked.lengths))
            short = [length for length in asked.lengths if length <= LENGTHS[2]]
            asyncio.run(beside_makings(engine, max(asked.live), asked.rounds, short))


if __name__ == "__main__":
    main()
