"""Finishes the sound of engines in the cloud: a program of its own, run by its path.

Their answers are large and come from outside, and the process that paces RTP encodes nothing. How it is
asked is in :mod:`.worker_kit`; a request is

    samples a second (4 octets, big-endian), 16-bit little-endian samples of one channel
"""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr

if TYPE_CHECKING:
    from . import worker_kit
else:
    _SPEC = importlib.util.spec_from_file_location(
        "worker_kit", Path(__file__).with_name("worker_kit.py")
    )
    worker_kit = sys.modules["worker_kit"] = importlib.util.module_from_spec(_SPEC)
    _SPEC.loader.exec_module(worker_kit)

MAX_REQUEST = 32 << 20
RATES = (8000, 192_000)


def spoken(request: bytes, target: int) -> worker_kit.Samples:
    """The samples at ``target`` a second, of -1..1. Raises ``Failed``."""
    (rate,) = struct.unpack("!I", request[:4])
    if not RATES[0] <= rate <= RATES[1]:
        raise worker_kit.Failed(f"{rate} samples a second cannot be played")
    whole = (len(request) - 4) // 2 * 2
    samples = np.frombuffer(request, "<i2", offset=4, count=whole // 2).astype(np.float32)
    resampled: worker_kit.Samples
    resampled = soxr.resample(samples / np.float32(32768), rate, target)
    return resampled


if __name__ == "__main__":
    worker_kit.serve(lambda rate: lambda asked: spoken(asked, rate), max_request=MAX_REQUEST)
