"""The phone in a real browser against the whole server: it is called, calls, hears, speaks, and hangs up."""

from __future__ import annotations

import asyncio
import json
import re
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect
from tests.acceptance.test_web_phone import ALICE, OURS, with_phones
from tests.support.console_world import Looker, browser, looking_at, pictures
from tests.support.receiver import Receiver, Reply
from tests.support.server import API_KEY, SOURCE, Server
from tests.support.telephone import TONE, tone_wav

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]

BUILT_IN = "+12025550100"
FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
HANGUP = {"action": "hangup"}


def capture(prompt: str) -> dict[str, Any]:
    params = {"promptMessage": prompt, "language": "en-US", "minDigits": 2, "maxDigits": 2}
    return {"action": "sayAndCapture", "params": params}


def play(url: str) -> dict[str, Any]:
    return {"action": "playFile", "params": {"fileUrl": url}}


def call(
    *actions: dict[str, Any], destination: str = ALICE, source: str = SOURCE
) -> dict[str, Any]:
    first = {"action": "makeCall", "params": {"source": source, "destination": destination}}
    return {"callflow": [first, *actions]}


def beeps(path: Path) -> Path:
    """A microphone's file: a second of the tone, a second of quiet; a browser repeats it."""
    samples = np.frombuffer(tone_wav(1.0)[44:], "<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.concatenate([samples, 0 * samples]).tobytes())
    return path


@asynccontextmanager
async def on(running: Browser, server: Server, **context: Any) -> AsyncIterator[Looker]:
    """A browser's phone that is ready."""
    async with looking_at(running, server.url, API_KEY, **context) as looker:
        await looker.open("/console/phone")
        await looker.page.get_by_role("button", name="Switch on").click()
        await state(looker.page, "ready")
        yield looker


async def state(page: Page, name: str) -> None:
    await expect(page.locator("#web-phone")).to_have_attribute("data-state", name, timeout=20_000)


async def hears_the_tone(page: Page) -> None:
    """Wait until the analyser sees the tone as the loudest of what is heard."""
    near = re.compile("^(9[6-9]|10[0-3])[0-9]$")
    await expect(page.locator("#level")).to_have_attribute("data-hertz", near, timeout=20_000)


async def summaries(receiver: Receiver, count: int) -> list[Any]:
    await receiver.wait_for(lambda: len(receiver.at("/vss")) == count, 30)
    return [one.payload for one in receiver.at("/vss")]


async def test_a_browser_is_called_answers_by_keyboard_hears_a_tone_and_presses_keys(
    tmp_path: Path,
) -> None:
    async with Receiver() as receiver, browser(*FAKE) as running:
        receiver.on("/tone.wav", Reply(body=tone_wav(30.0)))
        receiver.on("/vca", Reply(body=json.dumps({"callflow": [HANGUP]}).encode()))
        async with (
            Server(tmp_path / "server", with_phones(receiver)) as server,
            on(running, server) as looker,
        ):
            page = looker.page
            await page.screenshot(path=pictures() / "phone-ready-light.png", full_page=True)
            await server.place(call(capture("Please press two keys.")))
            await state(page, "ringing")
            await expect(page.locator("#phone-alert")).to_contain_text(SOURCE)
            await expect(page.get_by_role("button", name="Answer")).to_be_focused()
            await page.keyboard.press("Enter")
            await state(page, "talking")
            loud = re.compile(r"^(1|0\.(0[2-9]|[1-9]))")
            await expect(page.locator("#level")).to_have_attribute(
                "data-most", loud, timeout=20_000
            )
            await page.screenshot(path=pictures() / "phone-talking-light.png", full_page=True)
            await page.evaluate("document.activeElement.blur()")
            await page.keyboard.press("4")
            await page.get_by_role("button", name="2", exact=True).click()
            (summary,) = await summaries(receiver, 1)
            assert summary["sessionStatus"] == "COMPLETED", summary
            (asked,) = receiver.at("/vca")
            assert "42" in json.dumps(asked.payload), asked.payload
            await state(page, "ready")

            await server.place(call(play(receiver.url("/tone.wav"))))
            await state(page, "ringing")
            await page.get_by_role("button", name="Answer").click()
            await hears_the_tone(page)
            await page.get_by_role("button", name="Hang up").click()
            await expect(page.locator("#phone-said")).to_contain_text("You hung up")
            told = (await summaries(receiver, 2))[-1]
            assert told["details"]["callA"]["callType"] == "VOIP", told
            assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_a_browser_calls_a_number_and_talks_to_the_phone_behind_it(tmp_path: Path) -> None:
    """What the browser says is heard there, and a key that is pressed there is shown here."""
    heard = tmp_path / "heard"
    microphone = f"--use-file-for-fake-audio-capture={beeps(tmp_path / 'beeps.wav')}"
    async with Receiver() as receiver, browser(*FAKE, microphone) as running:
        bridge = call(destination=BUILT_IN, source=OURS)
        receiver.on("/vca", Reply(body=json.dumps(bridge).encode()))
        config = with_phones(receiver)
        config["testbed"] = {
            "recordings": str(heard),
            "phones": [{"number": BUILT_IN, "press": "7", "hangup_after": 6.0}],
        }
        config["routes"].append({"prefix": BUILT_IN, "trunks": ["testbed"]})
        config["subaccounts"][0]["coverage"] = ["SG", "US"]
        async with (
            Server(tmp_path / "server", config) as server,
            on(running, server) as looker,
        ):
            page = looker.page
            await page.get_by_label("Number").fill(OURS)
            await page.keyboard.press("Enter")
            await state(page, "talking")
            await expect(page.locator("#pressed")).to_have_text("7", timeout=20_000)
            await state(page, "ready")
            await expect(page.locator("#phone-said")).to_contain_text("The other side hung up")
            (summary,) = await summaries(receiver, 1)
            assert summary["details"]["callA"]["source"] == ALICE
            assert (looker.complaints, looker.elsewhere) == ([], [])
        async with asyncio.timeout(10):
            while not (files := list(heard.glob("*.wav"))):
                await asyncio.sleep(0.05)
        assert strongest(files[0]) == pytest.approx(TONE, abs=15)


def strongest(path: Path) -> float:
    """The strongest frequency of a recording."""
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    power = np.abs(np.fft.rfft(samples))
    power[: 200 * len(samples) // 8000] = 0
    return float(np.argmax(power) * 8000 / len(samples))


async def test_two_browsers_ring_and_the_first_to_answer_has_the_call(tmp_path: Path) -> None:
    async with Receiver() as receiver, browser(*FAKE) as running:
        receiver.on("/tone.wav", Reply(body=tone_wav(30.0)))
        async with (
            Server(tmp_path / "server", with_phones(receiver)) as server,
            on(running, server) as first,
            on(running, server, color_scheme="dark") as second,
        ):
            await second.page.set_viewport_size({"width": 390, "height": 844})
            await server.place(call(play(receiver.url("/tone.wav"))))
            await state(first.page, "ringing")
            await state(second.page, "ringing")
            wide = await second.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390
            await second.page.screenshot(
                path=pictures() / "phone-ringing-dark-390.png", full_page=True
            )
            await second.page.get_by_role("button", name="Answer").click()
            await state(second.page, "talking")
            await state(first.page, "ready")
            await hears_the_tone(second.page)
            await second.page.get_by_role("button", name="Mute").click()
            await expect(second.page.get_by_role("button", name="Unmute")).to_have_attribute(
                "aria-pressed", "true"
            )
            await second.page.close()  # as people do
            (summary,) = await summaries(receiver, 1)
            assert summary["sessionStatus"] != "FAILED", summary

            await server.place(call(play(receiver.url("/tone.wav"))))
            await state(first.page, "ringing")
            await first.page.get_by_role("button", name="Decline").click()
            declined = (await summaries(receiver, 2))[-1]
            assert declined["sessionStatus"] == "BUSY", declined
            assert first.complaints == []
