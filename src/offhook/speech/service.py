"""Speech for sessions: selects the voice, caches prompts and returns them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Final, NamedTuple, final

from offhook.aio import end_all
from offhook.codes import RuntimeCode
from offhook.config import Voices
from offhook.media import WideEncoder
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.session.ports.media_library import SCHEME, MediaLibrary
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.speech import Prompt, PromptError, Speech, Urgency, Urgent, now
from offhook.speech import confined, ssml
from offhook.speech.cache import Heard, PromptCache, PromptMaking, WhenLeft, not_heard
from offhook.speech.cloud.budgets import VoiceBudget
from offhook.speech.engines import make_engines
from offhook.speech.files import AudioFiles, FileFailed
from offhook.speech.making import (
    SILENCE,
    SOUND_REVISION,
    PromptMaker,
    silence,
)
from offhook.speech.profiles import ProfileTable
from offhook.speech.prompt import G711Prompt
from offhook.speech.prompt_disk import PromptDisk
from offhook.speech.prompt_file import Key, key_of
from offhook.speech.prompt_store import NoRoom, PromptDetails, PromptStore
from offhook.speech.speech_engine import NARROW, WIDE, Engine, SynthesisFailed
from offhook.speech.speech_metrics import PromptSource, SpeechMetrics
from offhook.speech.texts import is_speakable, pieces
from offhook.speech.voice_choices import EngineChoice, VoiceChoices
from offhook.speech.voice_index import EngineVoice

log = logging.getLogger(__name__)

SPOKEN_BYTES: Final = 256 << 20
"""Of disk for spoken prompts that are kept: more than four hours of speech."""
FETCHED_BYTES: Final = 256 << 20
FETCHED_LIFETIME: Final = 3600.0
"""Seconds a file is kept (``spec/execution.md``, playFile)."""


class _Utterance(NamedTuple):
    """What is to be said, and for whom."""

    text: str
    speed: float
    owner: str
    urgent: Urgent = now


@final
class SpeechService(Speech):
    """Speaks with the installed engines and fetches over HTTP.

    Lives on one loop; :meth:`close` it there.
    """

    def __init__(
        self,
        *,
        profiles: ProfileTable,
        engines: Sequence[Engine],
        client: HttpClient,
        clock: Callable[[], float] = time.time,
        store: PromptStore | None = None,
        run: str = "",
        library: MediaLibrary | None = None,
        metrics: SpeechMetrics | None = None,
        wide: WideEncoder | None = None,
    ) -> None:
        """``library`` has the files that are named ``offhook:name``; None: there are none.

        ``client`` fetches the files; the caller closes it. The other arguments are closed here.

        ``clock``: Unix time. ``run``: processes with the same share the files that were fetched.
        """
        self._metrics = metrics or SpeechMetrics()
        self._engines = {engine.name: engine for engine in engines}
        self._clock = clock
        self._run = run or secrets.token_hex(16)
        self._store = store or PromptStore()
        self._maker = PromptMaker(self._store, self._make_room, wide)
        self._wide_codecs = () if wide is None else wide.codecs
        self._files = AudioFiles(client, self._store, self._maker)
        self._library = library
        self._silence = silence(SILENCE)
        self._choices = VoiceChoices(profiles, engines)
        self._warming: set[asyncio.Task[None]] = set()
        self._spoken = PromptCache(max_bytes=SPOKEN_BYTES, clock=clock)
        self._fetched = PromptCache(max_bytes=FETCHED_BYTES, clock=clock)

    @classmethod
    def embedded(
        cls,
        client: HttpClient,
        *,
        settings: Voices | None = None,
        processes: int = 2,
        clock: Callable[[], float] = time.time,
        disk: PromptDisk | None = None,
        run: str = "",
        library: MediaLibrary | None = None,
        metrics: SpeechMetrics | None = None,
        wide: WideEncoder | None = None,
        budget: VoiceBudget | None = None,
    ) -> SpeechService:
        """The service with this machine's engines, espeak-ng in up to ``processes`` workers.

        ``budget`` bounds what is spoken in the cloud.

        ``disk``, closed here, has the prompts that are shared with other processes; None: none are.
        ``wide``: texts are spoken for wideband codecs too; None: for G.711 only.
        """
        settings = settings or Voices()
        _say_what_confinement_lacks()
        return cls(
            profiles=ProfileTable.installed(settings),
            engines=make_engines(
                settings,
                espeak_processes=processes,
                rate=NARROW if wide is None else WIDE,
                budget=budget,
            ),
            client=client,
            clock=clock,
            store=PromptStore(disk=disk),
            run=run,
            library=library,
            metrics=metrics,
            wide=wide,
        )

    async def say(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
    ) -> Prompt:
        asked = _Utterance(text, speed, owner)
        return await self._say(asked, self._choices.of(voice_profile, language), not_heard)

    async def say_in_parts(
        self,
        text: str,
        *,
        voice_profile: str | None,
        language: str | None,
        speed: float,
        owner: str,
        urgent: Urgent = now,
    ) -> AsyncIterator[Prompt]:
        asked = _Utterance(text, speed, owner, urgent)
        choices = self._choices.of(voice_profile, language)
        engine, voice = choices[0]
        known = self._spoken.known(_key(engine, voice, asked, self._wide_codecs))
        if known is not None:
            self._metrics.prompt(engine.name, PromptSource.MEMORY)
            yield known
            return
        # Each engine makes at most one part of each character, and then comes the end.
        parts: asyncio.Queue[Prompt | None] = asyncio.Queue(len(text) * len(choices) + 1)
        task = asyncio.create_task(self._say(asked, choices, parts.put_nowait))
        task.add_done_callback(lambda _: parts.put_nowait(None))
        try:
            while (part := await parts.get()) is not None:
                yield part
            await task
        finally:
            await end_all(task)

    async def _say(
        self, asked: _Utterance, choices: Sequence[EngineChoice], heard: Heard
    ) -> Prompt:
        """The prompt by the first engine that can; ``heard`` gets it too, in parts where it is made.

        Where an engine fails behind a part, the next one speaks the text from its beginning. Raises
        :class:`PromptError`.
        """
        text = asked.text
        if not is_speakable(ssml.words(text) if ssml.is_ssml(text) else text):
            heard(self._silence)
            return self._silence
        for number, (engine, voice) in enumerate(choices, 1):
            try:
                prompt = await self._speak(engine, voice, asked, heard)
            except NoRoom as error:
                raise PromptError(RuntimeCode.SYNTHESIS_FAILED, str(error)) from error
            except SynthesisFailed as error:
                self._choices.health.failed(engine.name, time.monotonic())
                if number == len(choices):
                    raise PromptError(RuntimeCode.SYNTHESIS_FAILED, str(error)) from error
                log.warning("%s; the next engine is asked", error)
            else:
                self._choices.health.succeeded(engine.name)
                return prompt
        raise AssertionError("unreachable")

    def cut(self, text: str, *, voice_profile: str | None, language: str | None) -> Sequence[str]:
        try:
            engine, _ = self._choices.of(voice_profile, language)[0]
        except PromptError:
            return (text,)
        if ssml.is_ssml(text):
            if engine.takes_ssml:
                return (text,)
            text = ssml.words(text)
        cut = pieces(text, first=engine.first_piece, longest=engine.longest_piece)
        spoken = [piece.text for piece in cut if is_speakable(piece.text)]
        return spoken or (text,)

    async def _speak(
        self, engine: Engine, voice: EngineVoice, asked: _Utterance, heard: Heard
    ) -> G711Prompt:
        """Raises :class:`SynthesisFailed`, :class:`NoRoom`."""
        key = _key(engine, voice, asked, self._wide_codecs)
        source = PromptSource.MEMORY
        came = False

        def hear(part: G711Prompt) -> None:
            nonlocal came
            came = True
            heard(part)

        async def speak(making: PromptMaking) -> G711Prompt:
            nonlocal source
            async with self._store.claim(key, asked.owner, making.urgent) as made:
                if made:
                    source = PromptSource.DISK
                    return made
                source = PromptSource.ENGINE
                return await self._made(engine, voice, asked, key, making)

        try:
            prompt = await self._spoken.get(
                key,
                speak,
                owner=asked.owner,
                heard=hear,
                urgent=asked.urgent,
                when_left=WhenLeft.STOP if engine.is_interruptible else WhenLeft.FINISH,
            )
        except (SynthesisFailed, NoRoom):
            self._metrics.prompt(engine.name, PromptSource.FAILED)
            raise
        self._metrics.prompt(engine.name, source)
        if not came:
            heard(prompt)
        return prompt

    async def _made(
        self, engine: Engine, voice: EngineVoice, asked: _Utterance, key: Key, making: PromptMaking
    ) -> G711Prompt:
        began = time.monotonic()
        prompt = await self._maker.speak(
            engine,
            voice,
            _given(engine, asked.text),
            speed=asked.speed,
            owner=asked.owner,
            sound=PromptDetails(key),
            heard=making.heard,
            urgent=making.urgent,
        )
        self._metrics.spoken(engine.name, time.monotonic() - began)
        return prompt

    async def fetch(self, url: str, *, owner: str) -> Prompt:
        if url.startswith(SCHEME):
            return await self._of_library(url.removeprefix(SCHEME), owner)
        key = key_of("fetch", SOUND_REVISION, self._run, url)

        async def load(_making: PromptMaking) -> G711Prompt:
            async with self._store.claim(key, owner) as fetched:
                sound = PromptDetails(key, self._clock() + FETCHED_LIFETIME)
                return fetched or await self._files.load(url, owner=owner, sound=sound)

        try:
            return await self._fetched.get(key, load, owner=owner)
        except (FileFailed, NoRoom) as error:
            raise PromptError(RuntimeCode.DOWNLOAD_FAILED, str(error)) from error

    async def _of_library(self, name: str, owner: str) -> Prompt:
        """A file of the media library; a file that was replaced is decoded anew."""
        library = self._library
        try:
            file = await library.media_file(owner, name) if library is not None else None
        except StoreUnavailable as error:
            raise PromptError(RuntimeCode.DOWNLOAD_FAILED, f"the media library: {error}") from error
        if library is None or file is None:
            detail = f"there is no file {name} in the media library"
            raise PromptError(RuntimeCode.DOWNLOAD_FAILED, detail)
        key = key_of("media", SOUND_REVISION, owner, file.digest)

        async def load(_making: PromptMaking) -> G711Prompt:
            async with self._store.claim(key, owner) as decoded:
                if decoded:
                    return decoded
                content = await library.media_content(owner, name)
                sound = PromptDetails(key, self._clock() + FETCHED_LIFETIME)
                return await self._files.decoded(content or b"", owner=owner, sound=sound)

        try:
            return await self._fetched.get(key, load, owner=owner)
        except (FileFailed, NoRoom, StoreUnavailable) as error:
            raise PromptError(RuntimeCode.DOWNLOAD_FAILED, str(error)) from error

    def warm(self) -> None:
        """Begin to start the engines that take long to start."""
        for engine in self._engines.values():
            self._begin(engine.warm())

    def prepare(self, text: str, *, language: str | None, owner: str) -> None:
        self._begin(self._prepare(text, language, owner))

    async def _prepare(self, text: str, language: str | None, owner: str) -> None:
        """A failure is met again when the text is said."""
        with contextlib.suppress(PromptError):
            asked = _Utterance(text, 1.0, owner, lambda: Urgency.LATER)
            await self._say(asked, self._choices.of(None, language), not_heard)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)

    async def close(self) -> None:
        """Cancel the making of prompts and end the engines."""
        await end_all(*self._warming)
        await self._spoken.close()
        await self._fetched.close()
        for engine in self._engines.values():
            await engine.close()
        await self._store.close()

    def _make_room(self, owner: str) -> bool:
        """Drop a prompt that is only cached: of this owner if it holds too much, else of any owner."""
        caches = (self._spoken, self._fetched)
        holds_much = self._store.share(owner) > self._store.free // 2
        if holds_much and any(cache.drop_oldest(owner) for cache in caches):
            return True
        return any(cache.drop_oldest() for cache in caches)


def _given(engine: Engine, text: str) -> str:
    """``text`` as ``engine`` takes it: SSML, or its words."""
    return ssml.words(text) if ssml.is_ssml(text) and not engine.takes_ssml else text


def _key(engine: Engine, voice: EngineVoice, asked: _Utterance, codecs: Sequence[Codec]) -> Key:
    """Everything that decides the sound."""
    return key_of(
        "say",
        SOUND_REVISION,
        engine.name,
        engine.version,
        *(codecs if engine.is_wide else ()),
        voice.id,
        float(asked.speed),
        _given(engine, asked.text),
    )


def _say_what_confinement_lacks() -> None:
    if lacks := confined.missing():
        log.warning("speech workers are confined without %s: not on this system", ", ".join(lacks))
