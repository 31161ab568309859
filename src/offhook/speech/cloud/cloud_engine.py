"""What the engines in the cloud have in common: the request, its limits, and the finishing of the sound."""

from __future__ import annotations

import hashlib
import json
import struct
from abc import abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from offhook.config import Section
from offhook.net.http_client import HttpClient, HttpResponse
from offhook.net.outgoing_errors import OutgoingError
from offhook.session.ports.speech import Urgent, now
from offhook.speech.cloud.budgets import Budgets, VoiceBudget
from offhook.speech.shares import FairPlaces, TooBusy
from offhook.speech.speech_engine import (
    NARROW,
    WIDE,
    Engine,
    SynthesisFailed,
    worker_greeting,
)
from offhook.speech.worker_process import WorkerError, confined_program
from offhook.speech.workers import WorkerPool

MOST_SOUND: Final = 24 << 20
"""Octets of one answer."""
AT_ONCE: Final = 8
"""Requests of this process to one engine at once."""
_WAITING: Final = 200
_TOLD: Final = 200
"""Characters of an engine's own words in a failure."""


Settings = TypeVar("Settings", bound=Section)
"""The engine's section of the configuration."""


class CloudRequest(NamedTuple):
    """One request for the sound of a text."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class CloudSound(NamedTuple):
    """16-bit little-endian samples of one channel."""

    rate: int
    pcm: bytes


class Finisher:
    """Turns the sound of engines into G.711 in a process of its own."""

    def __init__(self, rate: int = NARROW) -> None:
        self.rate = rate
        program = Path(__file__).parents[1] / "pcm_worker.py"
        self._pool = WorkerPool(
            confined_program(program, memory=1 << 30, file_size=0),
            size=1,
            waiting=_WAITING,
            max_answer=MOST_SOUND,
            greeting=worker_greeting(rate),
        )

    async def finished(self, sound: CloudSound, *, owner: str, urgent: Urgent = now) -> bytes:
        """Trimmed, at an even level, in both laws. Raises :class:`.workers.WorkerError`."""
        request = struct.pack("!I", sound.rate) + sound.pcm
        return await self._pool.ask(request, timeout=15.0, owner=owner, urgent=urgent)

    async def close(self) -> None:
        """End the process."""
        await self._pool.close()


class CloudTools(NamedTuple):
    """What the engines share."""

    client: HttpClient
    finisher: Finisher
    budgets: Budgets
    timeout: float
    """Seconds for one request."""
    now: Callable[[], datetime]

    @classmethod
    def of(
        cls,
        *,
        timeout: float,
        budget: VoiceBudget,
        allow_private: bool,
        rate: int = NARROW,
    ) -> CloudTools:
        """For the running loop. ``allow_private``: the operator named the address of an engine."""
        return cls(
            client=HttpClient(allow_private=allow_private, allow_loopback=allow_private),
            finisher=Finisher(rate),
            budgets=Budgets(budget),
            timeout=timeout,
            now=lambda: datetime.now(UTC),
        )


class CloudEngine(Engine, Generic[Settings]):
    """Asks an HTTP interface for the sound of each piece."""

    def __init__(self, settings: Settings, tools: CloudTools) -> None:
        self._settings = settings
        self._tools = tools
        self._places = FairPlaces(AT_ONCE, waiting=_WAITING, patience=30.0)

    @property
    def first_piece(self) -> int:
        return 120

    @property
    def is_wide(self) -> bool:
        return self._rate == WIDE

    @property
    def _rate(self) -> int:
        """Samples a second to ask for, where there is a choice."""
        return self._tools.finisher.rate

    @property
    def version(self) -> str:
        """A hash of the settings that decide the sound."""
        told = json.dumps([self.name, *self._decides_sound()])
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    async def speak(
        self, text: str, *, voice: str, speed: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        try:
            async with self._places.place(owner):
                await self._tools.budgets.spend(owner, len(text), at=self._tools.now())
                request = self._request(text, voice, speed)
                sound = self._sound(await self._answer(request))
            return await self._tools.finisher.finished(sound, owner=owner, urgent=urgent)
        except (TooBusy, WorkerError, OutgoingError) as error:
            raise SynthesisFailed(f"{self.name}: {error}") from error

    async def close(self) -> None:
        """Close what the engines share; the first one does it for all."""
        await self._tools.finisher.close()
        await self._tools.client.close()
        self._tools.budgets.close()

    def _decides_sound(self) -> tuple[str, ...]:
        """The settings that decide how a voice sounds; no secrets."""
        return ()

    @abstractmethod
    def _request(self, text: str, voice: str, speed: float) -> CloudRequest:
        """The request for ``text``, plain or SSML. Raises :class:`SynthesisFailed`."""

    @abstractmethod
    def _sound(self, answer: HttpResponse) -> CloudSound:
        """The sound of a good answer. Raises :class:`SynthesisFailed`."""

    async def _answer(self, request: CloudRequest) -> HttpResponse:
        answer = await self._tools.client.request(
            "POST",
            request.url,
            headers=request.headers,
            body=request.body,
            timeout=self._tools.timeout,
            max_body=MOST_SOUND,
        )
        if answer.status != 200:
            words = " ".join(answer.body[:_TOLD].decode("utf-8", "replace").split())
            raise SynthesisFailed(f"{self.name} answered {answer.status}: {words}")
        return answer


def samples_of_wav(name: str, octets: bytes) -> CloudSound:
    """The samples of a WAV with 16 bits and one channel, as engines answer it.

    The length in its head may be wrong: engines that stream do not know it. Raises
    :class:`SynthesisFailed`.
    """
    if octets[:4] != b"RIFF" or octets[8:12] != b"WAVE":
        raise SynthesisFailed(f"{name} did not answer a WAV")
    at, rate = 12, 0
    while at + 24 <= len(octets):
        kind, size = octets[at : at + 4], int.from_bytes(octets[at + 4 : at + 8], "little")
        if kind == b"fmt ":
            layout, channels, rate = struct.unpack_from("<HHI", octets, at + 8)
            (bits,) = struct.unpack_from("<H", octets, at + 22)
            if (layout, channels, bits) != (1, 1, 16):
                raise SynthesisFailed(f"{name} answered a WAV that is not 16 bits, one channel")
        if kind == b"data" and rate:
            return CloudSound(rate, octets[at + 8 : at + 8 + (size or len(octets))])
        at += 8 + size + size % 2
    raise SynthesisFailed(f"{name} answered a WAV without samples")
