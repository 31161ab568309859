"""``offhook demo``: what a newcomer sees first, and what the phone really heard."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from offhook.media import g711
from offhook.negotiated import Codec
from offhook.net.http_client import HttpClient
from offhook.speech.service import SpeechService
from offhook.testbed.demo import TEXT

RATE = 8000
Samples = npt.NDArray[np.float64]


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "offhook", "demo", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def samples_of(path: Path) -> Samples:
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64)


def loudness(samples: Samples) -> Samples:
    """Root mean square of each 20 ms."""
    frames = samples[: samples.size // 160 * 160].reshape(-1, 160)
    return np.asarray(np.sqrt(np.mean(frames**2, axis=1)))


def best_correlation(heard: Samples, meant: Samples) -> float:
    """The normalised cross-correlation at the best shift: 1 when one holds the other."""
    size = heard.size + meant.size
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(meant, size))
    peak = float(np.max(np.fft.irfft(product, size)))
    return peak / float(np.linalg.norm(heard) * np.linalg.norm(meant))


async def spoken(text: str) -> Samples:
    """The prompt as the engine speaks it."""
    client = HttpClient(allow_private=False)
    speech = SpeechService.embedded(client, processes=1)
    try:
        prompt = await speech.say(text, voice_profile=None, language="en-GB", speed=1.0, owner="x")
        pcm = g711.decode(Codec.PCMU, prompt.encoded(Codec.PCMU))
        return np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    finally:
        await speech.close()
        await client.close()


async def test_the_demo_places_a_call_and_the_phone_hears_the_words(tmp_path: Path) -> None:
    done = demo(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    events = [event["event"] for event in told["timeline"]]
    assert events[0] == "SESSION_QUEUED"
    assert events[-1] == "SESSION_ENDED"
    order = ["SESSION_STARTED", "CALL_INITIATED", "CALL_UPDATED", "CALL_CONNECTED"]
    assert [event for event in events if event in order] == order
    payload = told["summary"]["payload"]
    assert payload["sessionStatus"] == "COMPLETED"
    assert payload["details"]["callA"]["callStatus"] == "COMPLETED"
    assert payload["details"]["callA"]["callQuality"]["mos"] == 4.4

    heard = samples_of(Path(told["recording"]))
    loud = loudness(heard)
    speech = np.flatnonzero(loud > 300)
    seconds = (speech[-1] - speech[0] + 1) * 0.02
    assert 8 <= len(TEXT) / seconds <= 25  # characters a second of somebody speaking
    assert np.max(loud) > 1000
    assert np.mean(loud > 300) > 0.5
    outside = np.concatenate((loud[: max(0, speech[0] - 5)], loud[speech[-1] + 15 :]))
    assert outside.size == 0 or np.max(outside) < 100
    assert best_correlation(heard, await spoken(TEXT)) > 0.95  # the words, not just some sound


def test_the_timeline_is_told_while_it_happens(tmp_path: Path) -> None:
    """The line about the answer is on the screen seconds before the one about the end."""
    seen: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "offhook", "demo"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            seen.append(line)
            if "the phone answers" in line:
                assert process.poll() is None
                assert not any("COMPLETED" in earlier for earlier in seen)
        assert process.wait(60) == 0
    text = "".join(seen)
    assert '"sessionStatus": "COMPLETED"' in text
    assert Path(text.partition("What the phone heard")[2].partition("): ")[2].strip()).is_file()
