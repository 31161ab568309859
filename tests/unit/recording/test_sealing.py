"""Recordings encrypted on the disk."""

from __future__ import annotations

import io
import os

import pytest
from tests.support.tape import Tape, heard, mixed

from offhook.recording.container import BadRecording, chunks_of
from offhook.recording.sealing import AesSeal, SealedFile, seal_file

SEAL = AesSeal(bytes(range(32)))
OTHER = AesSeal(bytes(32))


def test_sealed_frames_are_heard_with_the_key_and_not_without() -> None:
    tape = Tape(SEAL)
    tape.says(0, 600, 0, 1)
    tape.end(1.0)
    assert b"0193-ses" not in tape.octets()
    assert len(heard(mixed(tape, seal=SEAL)[:, 0], 600)) == 1
    with pytest.raises(BadRecording, match="key"):
        list(chunks_of(tape.file, OTHER))


@pytest.mark.parametrize("size", [0, 1, 65_536, 200_000])
def test_a_sealed_file_comes_back_whole_and_in_parts(size: int) -> None:
    content = os.urandom(size)
    file = SealedFile(io.BytesIO(sealed(content)), SEAL)
    assert file.size == size
    assert file.read(0, size + 10) == content
    assert file.read(65_000, 2_000) == content[65_000:67_000]
    assert file.read(size, 1) == b""


@pytest.mark.parametrize("cut", [1, 16, 65_552, 100_000])
def test_a_sealed_file_that_was_cut_off_is_noticed(cut: int) -> None:
    octets = sealed(bytes(200_000))
    file = SealedFile(io.BytesIO(octets[:-cut]), SEAL)
    with pytest.raises(BadRecording):
        file.read(0, 200_000)


def test_two_files_of_the_same_content_differ() -> None:
    assert sealed(bytes(1000)) != sealed(bytes(1000))


def sealed(content: bytes) -> bytes:
    target = io.BytesIO()
    seal_file(io.BytesIO(content), target, SEAL)
    return target.getvalue()
