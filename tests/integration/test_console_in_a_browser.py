"""The console in a real browser, as people use it: each journey through its pages."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
import pytest
import pytest_asyncio
import soundfile
from playwright.async_api import Browser, Page, expect
from tests.support.axe import axe_source, violations
from tests.support.console_sessions import (
    HOSTILE,
    busy_session,
    full_session,
    rejected_request,
    running_session,
    wrong_answer_session,
)
from tests.support.console_world import (
    ConsoleWorld,
    Looker,
    browser,
    looking,
    pictures,
    running_console,
    running_record_console,
)
from tests.support.http_world import OPERATOR_KEY

from offhook import config
from offhook.config import Admin, BrowserPhone, Config, SipUserSection, TrunkSection
from offhook.session.ports.recording import (
    RecordedFile,
    RecordingFiles,
    RecordingRecord,
    RecordingState,
)

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]

SIZES = ((1440, 900), (1024, 768), (390, 844))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests; each has windows with a profile of their own."""
    async with browser() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[ConsoleWorld]:
    """One server with sessions of every kind, for the tests that only look."""
    trunks = (TrunkSection(name="main", address="udp:198.51.100.9:5060"),)
    phones = config.Testbed(phones=(config.TestbedPhone(number="+12025550101"),))
    settings = Config(
        admin=Admin(api_keys=(OPERATOR_KEY,)),
        browser_phone=BrowserPhone(enabled=True),
        sip_users=(SipUserSection(username="ann", password="long-enough"),),
        trunks=trunks,
        testbed=phones,
    )
    async with running_console(config=settings) as world:
        await filled(world)
        yield world


async def filled(world: ConsoleWorld) -> None:
    """Sessions of every kind."""
    await full_session(world.store)
    await busy_session(world.store)
    await wrong_answer_session(world.store)
    await running_session(world.store)
    await rejected_request(world.store)


async def pictured(looker: Looker, name: str) -> None:
    """Keep pictures of a page, and see that none of its widths scrolls sideways.

    ``OFFHOOK_PICTURES=all`` keeps every width in light and dark; else two of them.
    """
    page = looker.page
    every = os.environ.get("OFFHOOK_PICTURES") == "all"
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            if every or (scheme, width) in (("light", 1440), ("dark", 390)):
                target = pictures() / f"{name}-{scheme}-{width}.png"
                await page.screenshot(path=target, full_page=True)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} scrolls sideways at {width} pixels"
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1440, "height": 900})


async def test_what_happened_is_found_by_what_was_pasted_and_shown_on_one_page(
    chromium: Browser, site: ConsoleWorld
) -> None:
    async with looking(chromium, site) as looker:
        page = looker.page
        await page.keyboard.press("/")
        await page.keyboard.type("busy-request")
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="the session").click()
        said = page.locator("#what-happened")
        assert (await said.inner_text()).startswith(
            "Busy: the far end answered 486 Busy Here after 3.2 s on trunk main"
        )
        assert await page.locator(".flow li.fault").count() == 1
        await looker.open("/console/sessions/full-session")
        rows = page.locator(".timeline ol li")
        labels = await rows.all_inner_texts()
        for label in ("keys", "decision webhook", "recording", "SIP", "events sent"):
            assert label in labels
        ringing = await page.locator(".timeline rect.bar-ring").first.bounding_box()
        up = await page.locator(".timeline rect.bar-up").first.bounding_box()
        assert ringing is not None
        assert up is not None
        assert up["width"] / ringing["width"] == pytest.approx(27.9 / 2.9, rel=0.05)
        await page.locator(".timeline").focus()
        for _ in range(3):
            await page.keyboard.press("ArrowRight")
        assert await page.locator(".moments li.at").count() == 1
        assert await page.locator("svg.ladder line.arrow").count() == 7
        await the_pointer_tells_its_moment(page)
        await page.get_by_role("button", name="Light or dark").click()
        assert await page.locator(":root[data-theme=dark]").count() == 1
        await page.get_by_role("button", name="Light or dark").click()
        await pictured(looker, "session")
        assert (looker.complaints, looker.elsewhere) == ([], [])


async def the_pointer_tells_its_moment(page: Page) -> None:
    """What lasts at the pointer, and the nearest message, event or payload, opened, beside it."""
    await page.locator(".moments li", has_text="INVITE").first.click()
    told = page.locator("#moment")
    await told.get_by_text("calling and ringing").wait_for()
    assert "INVITE sip:" in await told.locator("details[open] pre").last.inner_text()
    axis = await page.locator(".timeline svg").first.bounding_box()
    drawing = page.locator(".timeline svg").first
    await drawing.scroll_into_view_if_needed()
    axis = await drawing.bounding_box()
    assert axis is not None
    await page.mouse.move(axis["x"] + axis["width"] / 2, axis["y"] + 30)
    await told.get_by_text("on the phone").first.wait_for()
    at = await told.locator("#moment-at").inner_text()
    seconds = float(await page.locator(".timeline").get_attribute("data-seconds") or 0)
    assert float(at.removesuffix(" s")) == pytest.approx(seconds / 2, rel=0.02)


async def test_calls_change_in_place_while_somebody_looks(chromium: Browser) -> None:
    async with running_console() as world:
        await filled(world)
        async with looking(chromium, world, OPERATOR_KEY) as looker:
            page = looker.page
            row = page.locator('tr[data-id="running-session"]')
            await row.get_by_text("waiting for keys").wait_for()
            await page.locator("#live-state", has_text="live").wait_for()
            await pictured(looker, "now")
            await running_session(world.store, "second", keys=False)
            await page.locator('tr[data-id="second-session"]').get_by_text("talking").wait_for()
            del world.store.records.sessions["second-session"]
            await page.locator('tr[data-id="second-session"]').wait_for(state="detached")
            await row.get_by_text("waiting for keys").click()
            await page.locator("#session[data-running]").wait_for()
            assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_sessions_and_rejected_requests_are_searched_and_the_address_keeps_the_filters(
    chromium: Browser, site: ConsoleWorld
) -> None:
    async with looking(chromium, site) as looker:
        page = looker.page
        await looker.open("/console/sessions")
        await pictured(looker, "sessions")
        await page.get_by_label("Status", exact=True).select_option("BUSY")
        await page.get_by_role("button", name="Search").click()
        await page.wait_for_url("**status=BUSY**")
        assert await page.locator("table.rows tbody tr").count() == 1
        await page.reload()
        assert await page.get_by_label("Status", exact=True).input_value() == "BUSY"
        await page.keyboard.press("j")
        assert await page.locator("table.rows tr.at").count() == 1
        await page.keyboard.press("Escape")
        assert await page.locator("table.rows tr.at").count() == 0
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/sessions/busy-session")
        await page.go_back()
        await page.get_by_label("rejected requests").check()
        await page.get_by_role("button", name="Search").click()
        await page.get_by_text("$.callflow[2].params.maxDigits").wait_for()
        await page.locator("table.rows tbody a").first.click()
        await page.locator(".flow li.fault", has_text="maxDigits required").wait_for()
        await pictured(looker, "rejected")
        assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_a_new_installation_says_how_to_begin(chromium: Browser) -> None:
    async with running_console() as world:
        async with looking(chromium, world) as looker:
            await looker.page.get_by_text("No calls at this moment").wait_for()
            await pictured(looker, "empty")
            await looker.open("/console/sessions")
            await looker.page.get_by_text("No sessions yet").wait_for()
        await asyncio.sleep(0)


async def test_settings_are_changed_by_an_operator(tmp_path: Path, chromium: Browser) -> None:
    async with (
        running_record_console(tmp_path) as world,
        looking(chromium, world, OPERATOR_KEY) as looker,
    ):
        page = looker.page
        page.on("dialog", lambda dialog: dialog.accept())
        await looker.open("/console/webhooks?account=acme_corp")
        await page.get_by_label("Type").select_option("VSS")
        await page.get_by_label("URL").fill("https://a.example/summary")
        await page.get_by_role("button", name="Save").click()
        secret = await page.locator("#secret").inner_text()
        assert secret.startswith("whsec_")
        await pictured(looker, "webhooks")
        await page.get_by_role("row", name="VSS").get_by_role("button", name="Delete").click()
        await page.get_by_text("The webhook VSS is gone.").wait_for()
        await looker.open("/console/numbers?account=acme_corp")
        await page.get_by_label("Number", exact=True).fill("+6561110000")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_text("+6561110000 is assigned.").wait_for()
        await pictured(looker, "numbers")
        await looker.open("/console/scenarios?account=acme_corp")
        await page.get_by_label("Name", exact=True).fill("code")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("link", name="code", exact=True).click()
        await pictured(looker, "scenarios")
        await looker.open("/console/campaigns?account=acme_corp")
        await page.get_by_label("Name", exact=True).fill("parcels")
        await page.get_by_label("Numbers, one a line").fill("+12025550101, name=Ada")
        await page.get_by_role("button", name="Make").click()
        await page.get_by_text("The campaign is made.").wait_for()
        await pictured(looker, "campaign")
        await page.get_by_role("button", name="Cancel").click()
        await page.get_by_text("The order to cancel is given.").wait_for()
        await looker.open("/console/opt-outs?account=acme_corp")
        await page.get_by_label("Number", exact=True).fill("+12025550101")
        await page.get_by_role("button", name="Put it there").click()
        await page.get_by_role("button", name="Take off").click()
        await page.get_by_text("+12025550101 is off the list.").wait_for()
        await looker.open("/console/keys")
        await page.get_by_label("Name", exact=True).fill("robot")
        await page.get_by_role("button", name="Make").click()
        assert (await page.locator("#secret").inner_text()).startswith("offhook_")
        await pictured(looker, "keys")
        await page.get_by_role("button", name="Revoke").click()
        await page.get_by_text("The key opens nothing any more.").wait_for()
        await looker.open("/console/trunks")
        await pictured(looker, "trunks")
        assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_figures_are_drawn_of_a_time(chromium: Browser) -> None:
    async with running_console() as world:
        await filled(world)
        for place in range(40):
            await busy_session(world.store, f"more{place}", minutes=place * 25)
            await full_session(world.store, f"most{place}", minutes=place * 31)
        async with looking(chromium, world) as looker:
            await looker.open("/console/figures")
            assert await looker.page.locator("svg.chart rect.s-good").count() > 10
            assert await looker.page.get_by_role("row", name="main").count() == 1
            await pictured(looker, "figures")
            assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_hostile_texts_do_nothing_in_a_browser(chromium: Browser) -> None:
    async with running_console() as world:
        await full_session(world.store, text=HOSTILE)
        await rejected_request(world.store, text=HOSTILE)
        await running_session(world.store, HOSTILE)
        async with looking(chromium, world) as looker:
            for path in (
                "/console/now",
                "/console/sessions",
                "/console/sessions?rejected=1",
                "/console/sessions/full-session",
                "/console/sessions/full-session/raw",
                "/console/requests/bad-request",
                f"/console/sessions?request={quote(HOSTILE)}",
            ):
                await looker.open(path)
                for details in await looker.page.locator("details").all():
                    await details.evaluate("one => one.open = true")
                assert "owned" not in await looker.page.title()
                assert await looker.page.locator("img[onerror], script:not([src])").count() == 0
            await looker.open("/console/now")
            await looker.page.locator("#live-state", has_text="live").wait_for()
            assert await looker.page.locator("#live img").count() == 0
            # A script that gets into a page all the same is stopped by the page's policy.
            await looker.page.evaluate(
                "() => { const s = document.createElement('script');"
                "s.textContent = 'document.title = 1'; document.body.append(s); }"
            )
            assert "Now" in await looker.page.title()
            assert any("Content Security Policy" in one for one in looker.complaints)


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_source(tmp_path_factory.mktemp("axe"))


LOOKED_AT = (
    *("now", "sessions", "sessions?rejected=1", "sessions/full-session", "figures", "usage"),
    *("sessions/wrong-session", "sessions/running-session", "requests/bad-request"),
    *("webhooks", "webhooks/VSS", "numbers", "scenarios", "campaigns", "opt-outs"),
    *("trunks", "keys", "playground", "phone"),
)


SCHEMES: tuple[tuple[Literal["light", "dark"], tuple[str, ...]], ...] = (
    ("light", ()),
    ("dark", ("color-contrast",)),
)
"""What axe looks at: in light everything, in dark the colours."""


async def test_axe_finds_nothing_on_any_page(
    axe: str, chromium: Browser, site: ConsoleWorld
) -> None:
    found = {}
    async with looking(chromium, site, OPERATOR_KEY) as looker:
        page = looker.page
        for path in LOOKED_AT:
            account = "&" if "?" in path else "?"
            await looker.open(f"/console/{path}{account}account=acme_corp")
            await page.evaluate(
                "document.querySelectorAll('details').forEach(one => { one.open = true; })"
            )
            for scheme, only in SCHEMES:
                await page.emulate_media(color_scheme=scheme)
                if wrong := await violations(page, axe, only):
                    found[scheme, path] = wrong
        await page.set_viewport_size({"width": 390, "height": 844})
        await looker.open("/console/sessions/full-session")
        if wrong := await violations(page, axe):
            found["dark", "on a phone"] = wrong
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("API key").wait_for()
        if wrong := await violations(page, axe):
            found["dark", "sign-in"] = wrong
    assert found == {}


class OneRecording(RecordingFiles):
    """The same sound for every recording."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, record: RecordingRecord) -> RecordedFile:
        return SoundFile(self._content)

    def erase(self, record: RecordingRecord) -> bool:
        return False

    def signature(self, recording_id: str, expires: int) -> str:
        return ""


class SoundFile(RecordedFile):
    """A file in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, position: int, count: int) -> bytes:
        return self._content[position : position + count]

    def close(self) -> None:
        pass


def tone() -> bytes:
    """Two seconds of a tone on the left, silence on the right, as mp3."""
    times = np.arange(2 * 16000) / 16000
    left = 0.5 * np.sin(2 * np.pi * 440 * times)
    kept = io.BytesIO()
    soundfile.write(kept, np.stack([left, 0 * left], axis=1), 16000, format="MP3")
    return kept.getvalue()


async def test_a_recording_is_drawn_and_played(chromium: Browser) -> None:
    files = OneRecording(tone())
    async with running_console(recordings=files) as world:
        session = await full_session(world.store)
        record = RecordingRecord(
            recording_id="full-recording",
            session_id=session.session_id,
            sub_account_id="acme_corp",
            started_at=session.created_at,
            state=RecordingState.KEPT,
            storage="here",
            file_name="full-recording.mp3",
            duration=2.0,
        )
        await world.store.put_recording(record)
        async with looking(chromium, world) as looker:
            page = looker.page
            await looker.open("/console/sessions/full-session")
            await page.locator(".recording[data-drawn]").wait_for()
            on_axis = page.locator(".timeline svg.axis-wave")
            assert await on_axis.locator("path").count() == 2
            bar = await page.locator(".timeline rect.bar-rec").bounding_box()
            wave = await on_axis.bounding_box()
            assert bar is not None
            assert wave is not None
            assert (wave["x"], wave["width"]) == pytest.approx((bar["x"], bar["width"]), abs=3)
            paths = page.locator(".waveform path")
            assert await paths.count() == 2
            heights = [await paths.nth(place).bounding_box() for place in (0, 1)]
            assert heights[0] is not None
            assert heights[1] is not None
            assert heights[0]["height"] > 5 * heights[1]["height"]
            audio = page.locator("audio")
            await audio.evaluate("one => { one.muted = true; one.play(); }")
            await expect(audio).to_have_js_property("ended", True, timeout=20_000)
            assert await audio.evaluate("one => Math.round(one.duration)") == 2
            assert (looker.complaints, looker.elsewhere) == ([], [])
