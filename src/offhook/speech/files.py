"""Customers' audio files: fetched, then decoded in a process that holds nothing else."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from offhook.net.client import HttpClient
from offhook.net.errors import OutgoingError
from offhook.speech.workers import worker_environment

MAX_FILE = 5120 * 1024
"""Octets (``spec/execution.md``, playFile)."""
MAX_REDIRECTS = 3
FETCH_TIMEOUT = 10.0
DECODE_TIMEOUT = 15.0
_WAITING_TIMEOUT = 30.0
_DECODERS = 2


class FileFailed(Exception):
    """The file cannot be fetched or played; the text says why and holds nothing secret."""


class AudioFiles:
    """Fetches and decodes audio files."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._slots = asyncio.Semaphore(_DECODERS)
        self._script = str(Path(__file__).with_name("decode_worker.py"))

    async def load(self, url: str) -> bytes:
        """The sound behind ``url`` as 8 kHz mono s16le. Raises :class:`FileFailed`."""
        try:
            answer = await self._client.request(
                "GET",
                url,
                timeout=FETCH_TIMEOUT,
                max_body=MAX_FILE,
                max_redirects=MAX_REDIRECTS,
                allow_http=True,  # the contract's own rule; the operator's is for webhooks
            )
        except OutgoingError as error:
            raise FileFailed(str(error)) from error
        if not 200 <= answer.status < 300:
            raise FileFailed(f"the server answered {answer.status}")
        return await self.decode(answer.body)

    async def decode(self, data: bytes) -> bytes:
        """The sound of a wav or mp3 file as 8 kHz mono s16le. Raises :class:`FileFailed`."""
        try:
            async with asyncio.timeout(_WAITING_TIMEOUT):
                await self._slots.acquire()
        except TimeoutError as error:
            raise FileFailed("too many files wait to be decoded") from error
        try:
            return await self._decode(data)
        finally:
            self._slots.release()

    async def _decode(self, data: bytes) -> bytes:
        try:
            decoder = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", self._script),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=worker_environment(),
            )
        except OSError as error:
            raise FileFailed(f"the decoder cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(DECODE_TIMEOUT):
                answer, _ = await decoder.communicate(data)
        except TimeoutError as error:
            raise FileFailed(f"not decoded within {DECODE_TIMEOUT:g} s") from error
        finally:
            await _reap(decoder)
        match answer[:1]:
            case b"\0":
                return answer[1:]
            case b"\1":
                raise FileFailed(answer[1:].decode("utf-8", "replace"))
            case _:
                raise FileFailed("the decoder died over the file")


async def _reap(decoder: Process) -> None:
    if decoder.returncode is None:
        decoder.kill()
        await decoder.communicate()
