"""Mixes and encodes one recording, then ends. A program of its own, run confined and with low priority.

A process per recording: a mix takes a core for seconds, and must not delay the packets of live calls.
Standard input is one JSON :class:`MixOrder`, standard output gets one line of JSON: a :class:`MixAnswer`.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import soundfile

from offhook.recording.container import BadRecording, Seal
from offhook.recording.mix_order import AudioFormat, MixAnswer, MixOrder
from offhook.recording.mixdown import mix, survey
from offhook.recording.placement import RATE

FORMATS: Final = {
    AudioFormat.MP3: {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    AudioFormat.OPUS: {"format": "OGG", "subtype": "OPUS"},
    AudioFormat.WAV: {"format": "WAV", "subtype": "PCM_16"},
}


def carry_out(order: MixOrder) -> MixAnswer:
    """Mix and encode. Raises :class:`BadRecording`, ``OSError`` and libsndfile's errors."""
    seal: Seal | None = None
    if order.key is not None:
        from offhook.recording.sealing import AesSeal

        seal = AesSeal(order.key)
    with open(order.frames, "rb", closefd=False) as frames:
        contents = survey(frames, seal)
        encoder = soundfile.SoundFile(
            order.output,
            "w",
            samplerate=RATE,
            channels=order.channels,
            closefd=False,
            **FORMATS[order.format],
        )

        def write(block: npt.NDArray[np.int16]) -> None:
            # libsndfile 1.2 loses every second granule of stereo MP3 that is given as integers.
            encoder.write(block.astype(np.float32) / 32768)

        with encoder:
            mix(frames, contents, write, channels=order.channels, seal=seal)
    return MixAnswer(samples=contents.length, complete=contents.complete)


def main() -> None:
    """Carry out the one order."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=MixOrder)
    try:
        answer = carry_out(order)
    except BadRecording as error:
        answer = MixAnswer(problem=str(error))
    except (OSError, soundfile.SoundFileError) as error:
        answer = MixAnswer(problem=f"it cannot be written: {error}", again=True)
    except MemoryError:
        answer = MixAnswer(problem="it takes too much memory")
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
