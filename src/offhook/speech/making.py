"""Makes prompts: long texts piece by piece, files in a decoder of their own, both into the store.

A whole prompt is never in this process's memory: only a piece of half a minute is, and unnamed files hold
the rest until the store has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, aclosing
from typing import IO, Final

from offhook.media import g711
from offhook.media.audio import SAMPLE_RATE
from offhook.negotiated import Codec
from offhook.speech.prompt import LAWS, G711Prompt, joined
from offhook.speech.prompt_store import NoRoom, PromptDetails, PromptStore, Source
from offhook.speech.speech_engine import Engine
from offhook.speech.texts import Piece, pause_behind, pieces
from offhook.speech.voice_index import EngineVoice

LONGEST: Final = 4 * 3600
"""Seconds of speech: a call lasts no longer (``limits.max_call_duration``), so the rest is left out."""
SOUND_REVISION: Final = 2
"""Part of every prompt's key. Raise it when the cutting of texts or the encoding changes the sound."""
SILENCE: Final = 0.5
"""Seconds that a text lasts which holds nothing to speak (``spec/execution.md``, say)."""


Heard = Callable[[G711Prompt], None]
"""Takes a part of a prompt that is being made."""


def not_heard(_part: G711Prompt) -> None:
    """The whole prompt is enough."""


def silence(seconds: float) -> G711Prompt:
    """A prompt of silence."""
    return G711Prompt(b"".join(_silence(law, seconds) for law in LAWS))


def _silence(law: Codec, seconds: float) -> bytes:
    return bytes([g711.SILENCE[law]]) * round(seconds * SAMPLE_RATE)


class PromptMaker:
    """Makes prompts and puts them into ``store``."""

    def __init__(self, store: PromptStore, make_room: Callable[[str], bool]) -> None:
        """``make_room(owner)`` drops a prompt that is only cached; False: there is none left."""
        self._store = store
        self._make_room = make_room

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
    ) -> G711Prompt:
        """``text`` as ``engine`` speaks it; half a second of silence when there is nothing to speak.

        ``heard`` gets the parts of a short text as they come, none of a long one; what is returned is all.

        Raises :class:`~.speech_engine.SynthesisFailed`, :class:`~.prompt_store.NoRoom`.
        """
        cut = pieces(text, longest=engine.longest_piece)
        if len(cut) == 1:
            parts = []
            made = engine.parts(text, voice=voice.id, speed=speed, owner=owner)
            async with aclosing(made):
                async for part in made:
                    if part:
                        parts.append(part)
                        heard(G711Prompt(part))
            if not parts:
                return silence(SILENCE)
            if pause := pause_behind(text):
                parts.append(b"".join(_silence(law, pause) for law in LAWS))
                heard(G711Prompt(parts[-1]))
            octets = joined(parts)
            return await self.keep([(octets, len(octets))], owner=owner, sound=sound)
        with ExitStack() as files:
            spools = [files.enter_context(self._store.scratch()) for _ in LAWS]
            samples = 0
            for piece in cut:
                octets = await engine.speak(piece.text, voice=voice.id, speed=speed, owner=owner)
                if octets:
                    samples += await asyncio.to_thread(_append, spools, octets, piece)
                    del octets  # free half a megabyte before the wait for the next piece
                if samples > LONGEST * SAMPLE_RATE:
                    break
            if not samples:
                return silence(SILENCE)
            return await self.keep([(spool, samples) for spool in spools], owner=owner, sound=sound)

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


def _append(spools: list[IO[bytes]], octets: bytes, piece: Piece) -> int:
    """Write a piece, and the pause behind it, to the file of each law; its samples."""
    half = len(octets) // len(LAWS)
    added = 0
    for spool, law, start in zip(spools, LAWS, (0, half), strict=True):
        sound = octets[start : start + half] + _silence(law, piece.pause)
        spool.write(sound)
        added = len(sound)
    return added
