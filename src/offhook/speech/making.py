"""Makes prompts: long texts piece by piece, files in a decoder of their own, both into the store.

A whole prompt is never in this process's memory: only a piece of half a minute is, and unnamed files hold
the rest until the store has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, aclosing
from typing import IO, Final

from offhook.media import WideEncoder, g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.session.ports.speech import Urgent, now
from offhook.speech.cache import Heard, not_heard
from offhook.speech.prompt import CODECS, LAWS, G711Prompt, Spoken, joined
from offhook.speech.prompt_store import NoRoom, PromptDetails, PromptStore, Source
from offhook.speech.speech_engine import Engine
from offhook.speech.texts import Piece, pause_behind, pieces
from offhook.speech.voice_index import EngineVoice

LONGEST: Final = 4 * 3600
"""Seconds of speech: a call lasts no longer (``limits.max_call_duration``), so the rest is left out."""
SOUND_REVISION: Final = 2
"""Part of every prompt's key. Raise it when the cutting of texts or the encoding changes the sound."""
PACKET: Final = 160
"""Samples of a packet of 20 ms."""
_WIDE_OCTETS: Final = 4
"""Of the wide sound for each sample of a law."""
SILENCE: Final = 0.5
"""Seconds that a text lasts which holds nothing to speak (``spec/execution.md``, say)."""


def silence(seconds: float) -> G711Prompt:
    """A prompt of silence."""
    return G711Prompt(b"".join(_silence(law, seconds) for law in LAWS))


def _silence(law: Codec, seconds: float) -> bytes:
    return bytes([g711.SILENCE[law]]) * round(seconds * SAMPLE_RATE)


class PromptMaker:
    """Makes prompts and puts them into ``store``."""

    def __init__(
        self,
        store: PromptStore,
        make_room: Callable[[str], bool],
        wide: WideEncoder | None = None,
    ) -> None:
        """``make_room(owner)`` drops a prompt that is only cached; False: there is none left.

        ``wide`` is for engines whose sound is wide; None: there are none.
        """
        self._store = store
        self._make_room = make_room
        self._wide = wide

    async def speak(
        self,
        engine: Engine,
        voice: EngineVoice,
        text: str,
        *,
        speed: float,
        owner: str,
        sound: PromptDetails = PromptDetails(),  # noqa: B008 frozen
        heard: Heard = not_heard,
        urgent: Urgent = now,
    ) -> G711Prompt:
        """``text`` as ``engine`` speaks it; half a second of silence when there is nothing to speak.

        ``heard`` gets the parts of a short text as they come, none of a long one; what is returned is all.

        Raises :class:`~.speech_engine.SynthesisFailed`, :class:`~.prompt_store.NoRoom`.
        """
        cut = pieces(text, longest=engine.longest_piece)
        if len(cut) == 1:
            made = engine.parts(text, voice=voice.id, speed=speed, owner=owner, urgent=urgent)
            return await self._speak_piece(engine, made, text, owner, sound, heard)
        with ExitStack() as files:
            spools = [files.enter_context(self._store.scratch()) for _ in self._codecs(engine)]
            samples = 0
            for piece in cut:
                octets = await engine.speak(
                    piece.text, voice=voice.id, speed=speed, owner=owner, urgent=urgent
                )
                if octets:
                    spoken = Spoken.of(octets, wide=engine.is_wide)
                    samples += await asyncio.to_thread(self._append, spools, spoken, piece)
                    del octets, spoken  # free half a megabyte before the wait for the next piece
                if samples > LONGEST * SAMPLE_RATE:
                    break
            if not samples:
                return silence(SILENCE)
            sound = sound._replace(codecs=len(spools))
            return await self.keep([(spool, samples) for spool in spools], owner=owner, sound=sound)

    async def _speak_piece(
        self,
        engine: Engine,
        made: AsyncGenerator[bytes],
        text: str,
        owner: str,
        sound: PromptDetails,
        heard: Heard,
    ) -> G711Prompt:
        """A text that is one piece, part by part as ``engine`` has ``made`` it."""
        parts: list[bytes] = []
        async with aclosing(made):
            async for part in made:
                if part:
                    parts.append(part)
                    heard(await self._encoded(engine, part))
        if not parts:
            return silence(SILENCE)
        if pause := pause_behind(text):
            parts.append(_pause(engine, pause))
            heard(await self._encoded(engine, parts[-1]))
        octets = await self._octets(engine, joined(parts, wide=engine.is_wide))
        sound = sound._replace(codecs=len(self._codecs(engine)))
        return await self.keep([(octets, len(octets))], owner=owner, sound=sound)

    def _codecs(self, engine: Engine) -> Sequence[Codec]:
        """Those of a prompt of this engine."""
        if self._wide is None or not engine.is_wide:
            return LAWS
        return CODECS[: len(LAWS) + len(self._wide.codecs)]

    async def _octets(self, engine: Engine, octets: bytes) -> bytes:
        """The octets of a prompt of what the engine gave."""
        spoken = Spoken.of(octets, wide=engine.is_wide)
        if self._wide is None or not spoken.wide:
            return spoken.laws
        return b"".join([spoken.laws, *await asyncio.to_thread(self._wide.all, spoken.wide)])

    async def _encoded(self, engine: Engine, octets: bytes) -> G711Prompt:
        return G711Prompt(await self._octets(engine, octets), codecs=len(self._codecs(engine)))

    def _append(self, spools: list[IO[bytes]], spoken: Spoken, piece: Piece) -> int:
        """Write a piece, and the pause behind it, to the file of each codec; its samples."""
        half = len(spoken.laws) // len(LAWS)
        behind = round(piece.pause * SAMPLE_RATE)
        if len(spools) > len(LAWS):
            behind += -(half + behind) % PACKET  # the packets of the next piece begin there
        for number, (spool, law) in enumerate(zip(spools, LAWS, strict=False)):
            sound = spoken.laws[number * half : (number + 1) * half]
            spool.write(sound + bytes([g711.SILENCE[law]]) * behind)
        if self._wide is not None:
            sounds = self._wide.all(spoken.wide + bytes(_WIDE_OCTETS * behind))
            for spool, sound in zip(spools[len(LAWS) :], sounds, strict=False):
                spool.write(sound)
        return half + behind

    async def keep(
        self,
        sources: list[Source],
        *,
        owner: str,
        sound: PromptDetails = PromptDetails(),  # noqa: B008 frozen
    ) -> G711Prompt:
        """Store a prompt; prompts that are only cached are dropped to make room. Raises :class:`NoRoom`."""
        while True:
            try:
                return await self._store.keep(sources, owner=owner, sound=sound)
            except NoRoom:
                if not self._make_room(owner):
                    raise


def _pause(engine: Engine, seconds: float) -> bytes:
    """Silence as the engine gives sound."""
    laws = b"".join(_silence(law, seconds) for law in LAWS)
    return laws + bytes(len(laws) * 2) if engine.is_wide else laws
