"""Customers' audio files: fetched to a file, then decoded in a confined process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from pathlib import Path
from typing import IO, Final

import msgspec

from offhook.net.http_client import HttpClient
from offhook.net.outgoing_errors import OutgoingError
from offhook.speech.making import PromptMaker
from offhook.speech.prompt import LAWS, G711Prompt
from offhook.speech.prompt_store import NoRoom, PromptDetails, PromptStore
from offhook.speech.shares import FairPlaces, TooBusy
from offhook.speech.worker_process import confined_program, worker_environment

MAX_FILE: Final = 5120 * 1024
"""Octets (``spec/execution.md``, playFile)."""
MAX_REDIRECTS: Final = 3
FETCH_TIMEOUT: Final = 10.0
DECODE_TIMEOUT: Final = 60.0
"""Seconds; ten minutes of mp3 take two of the processor, more when other decoders run."""
_DOWNLOADS: Final = 256
_DECODERS: Final = 3
_CPU: Final = 15
"""Seconds of the processor for one file."""
_WAITING: Final = 500
"""Files of one sub-account that may wait."""
_PATIENCE: Final = 300.0
"""Seconds a file waits in its sub-account's line; a caller who hangs up leaves it at once."""
_MAX_ANSWER: Final = 4096
_MEMORY: Final = 512 << 20
_MAX_SOUND: Final = 16 << 20
"""Octets: ten minutes in both laws are 9.6 million."""


class FileFailed(Exception):
    """The file cannot be fetched or played; the text says why and holds nothing secret."""


class _Answer(msgspec.Struct, frozen=True):
    """What the decoder says."""

    samples: int = 0
    remark: str = ""
    problem: str = ""


class AudioFiles:
    """Fetches and decodes audio files."""

    def __init__(self, client: HttpClient, store: PromptStore, maker: PromptMaker) -> None:
        self._client = client
        self._store = store
        self._maker = maker
        self._downloads = FairPlaces(
            _DOWNLOADS, per_owner=_DOWNLOADS // 4, waiting=_WAITING, patience=_PATIENCE
        )
        self._decoders = FairPlaces(
            _DECODERS, per_owner=_DECODERS - 1, waiting=_WAITING, patience=_PATIENCE
        )
        self._program = Path(__file__).with_name("decode_worker.py")

    async def load(
        self,
        url: str,
        *,
        owner: str,
        sound: PromptDetails = PromptDetails(),  # noqa: B008 frozen
    ) -> G711Prompt:
        """The sound behind ``url``. Raises :class:`FileFailed`."""
        try:
            with self._store.scratch() as file:
                async with self._downloads.place(owner):
                    encoding = await self._fetch(url, file)
                async with self._decoders.place(owner):
                    return await self.decode(file, encoding=encoding, owner=owner, sound=sound)
        except (OutgoingError, NoRoom) as error:
            raise FileFailed(str(error)) from error
        except TooBusy as error:
            raise FileFailed(f"the sub-account fetches too many files at once: {error}") from error

    async def decoded(self, content: bytes, *, owner: str, sound: PromptDetails) -> G711Prompt:
        """The sound of a file of the media library. Raises :class:`FileFailed`, :class:`NoRoom`."""
        with self._store.scratch() as file:
            await asyncio.to_thread(file.write, content)
            try:
                async with self._decoders.place(owner):
                    return await self.decode(file, owner=owner, sound=sound)
            except TooBusy as error:
                detail = f"the sub-account decodes too many files at once: {error}"
                raise FileFailed(detail) from error

    async def decode(
        self,
        file: IO[bytes],
        *,
        encoding: str = "",
        owner: str,
        sound: PromptDetails = PromptDetails(),  # noqa: B008 frozen
    ) -> G711Prompt:
        """The sound of a wav or mp3 file. Raises :class:`FileFailed`, :class:`NoRoom`."""
        file.seek(0)
        with self._store.scratch() as decoded:
            answer = await self._run_decoder(file, decoded, encoding)
            if answer.problem:
                raise FileFailed(answer.problem)
            size = answer.samples * len(LAWS)
            if not 0 < size == os.fstat(decoded.fileno()).st_size:
                raise FileFailed("the decoder died over the file")
            sound = sound._replace(remark=answer.remark)
            return await self._maker.keep([(decoded, size)], owner=owner, sound=sound)

    async def _fetch(self, url: str, file: IO[bytes]) -> str:
        """Fetch into ``file``; the ``Content-Encoding`` it came with."""
        answer = await self._client.request(
            "GET",
            url,
            timeout=FETCH_TIMEOUT,
            max_body=MAX_FILE,
            max_redirects=MAX_REDIRECTS,
            allow_http=True,  # the contract's own rule; the operator's is for webhooks
            into=file,
        )
        if not 200 <= answer.status < 300:
            raise FileFailed(f"the server answered {answer.status}")
        return answer.headers.get("Content-Encoding", "")

    async def _run_decoder(self, file: IO[bytes], sound: IO[bytes], encoding: str) -> _Answer:
        command = confined_program(
            self._program,
            str(sound.fileno()),
            encoding,
            memory=_MEMORY,
            file_size=_MAX_SOUND,
            cpu=_CPU,
        )
        run = _Run(command, file, sound)
        running = asyncio.ensure_future(asyncio.to_thread(run))
        try:
            async with asyncio.timeout(DECODE_TIMEOUT):
                line = await asyncio.shield(running)
            return msgspec.json.decode(line, type=_Answer)
        except TimeoutError as error:
            raise FileFailed(f"not decoded within {DECODE_TIMEOUT:g} s") from error
        except OSError as error:
            raise FileFailed(f"the decoder cannot be started: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise FileFailed("the decoder died over the file") from error
        finally:
            run.end()
            await asyncio.shield(asyncio.wait({running}))


class _Run:
    """One run of the decoder, on a thread.

    Not by the loop: uvloop forks, which copies the page tables of this process and holds up every
    packet for 20 ms. ``subprocess`` uses vfork, which takes 3.
    """

    def __init__(self, command: list[str], file: IO[bytes], sound: IO[bytes]) -> None:
        self._command = command
        self._file = file
        self._sound = sound
        self._lock = threading.Lock()
        self._ended = False
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> bytes:
        """What the decoder prints, to its end. Raises ``OSError`` where it cannot be started."""
        with self._lock:
            if self._ended:
                return b""
            self._process = subprocess.Popen(  # noqa: S603  # no shell, and the words are ours
                self._command,
                stdin=self._file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment(),
                pass_fds=(self._sound.fileno(),),
            )
        assert self._process.stdout is not None
        with self._process.stdout as answer:
            printed = answer.read(_MAX_ANSWER)
        self.end()
        self._process.wait()
        return printed

    def end(self) -> None:
        """Kill the decoder if it runs; it has answered, or its answer is no longer needed."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()
