"""The console in a real browser, as people use it: each journey through its pages."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
import soundfile
from playwright.async_api import expect
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

from offhook.config import Admin, BrowserPhone, Config, SipUserSection
from offhook.session.ports.recording import (
    RecordedFile,
    RecordingFiles,
    RecordingRecord,
    RecordingState,
)

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]

SIZES = ((1440, 900), (1024, 768), (390, 844))


async def filled(world: ConsoleWorld) -> None:
    """Sessions of every kind."""
    await full_session(world.store)
    await busy_session(world.store)
    await wrong_answer_session(world.store)
    await running_session(world.store)
    await rejected_request(world.store)


async def pictured(looker: Looker, name: str) -> None:
    """Keep pictures of a page: three widths, light and dark."""
    page = looker.page
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            target = pictures() / f"{name}-{scheme}-{width}.png"
            await page.screenshot(path=target, full_page=True)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} scrolls sideways at {width} pixels"
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": 1440, "height": 900})


async def test_what_happened_is_found_by_what_was_pasted_and_shown_on_one_page() -> None:
    async with running_console() as world, browser() as running:
        await filled(world)
        async with looking(running, world) as looker:
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
            await pictured(looker, "session")
            assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_calls_change_in_place_while_somebody_looks() -> None:
    async with running_console() as world, browser() as running:
        await filled(world)
        async with looking(running, world, OPERATOR_KEY) as looker:
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


async def test_sessions_and_rejected_requests_are_searched_and_the_address_keeps_the_filters() -> (
    None
):
    async with running_console() as world, browser() as running:
        await filled(world)
        async with looking(running, world) as looker:
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


async def test_a_new_installation_says_how_to_begin() -> None:
    async with running_console() as world, browser() as running:
        async with looking(running, world) as looker:
            await looker.page.get_by_text("No calls at this moment").wait_for()
            await pictured(looker, "empty")
            await looker.open("/console/sessions")
            await looker.page.get_by_text("No sessions yet").wait_for()
        await asyncio.sleep(0)


async def test_settings_are_changed_by_an_operator(tmp_path: Path) -> None:
    async with (
        running_record_console(tmp_path) as world,
        browser() as running,
        looking(running, world, OPERATOR_KEY) as looker,
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


async def test_figures_are_drawn_of_a_time() -> None:
    async with running_console() as world, browser() as running:
        await filled(world)
        for place in range(40):
            await busy_session(world.store, f"more{place}", minutes=place * 25)
            await full_session(world.store, f"most{place}", minutes=place * 31)
        async with looking(running, world) as looker:
            await looker.open("/console/figures")
            assert await looker.page.locator("svg.chart rect.s-good").count() > 10
            assert await looker.page.get_by_role("row", name="main").count() == 1
            await pictured(looker, "figures")
            assert (looker.complaints, looker.elsewhere) == ([], [])


async def test_hostile_texts_do_nothing_in_a_browser() -> None:
    async with running_console() as world, browser() as running:
        await full_session(world.store, text=HOSTILE)
        await rejected_request(world.store, text=HOSTILE)
        await running_session(world.store, HOSTILE)
        async with looking(running, world) as looker:
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


async def test_axe_finds_nothing_on_any_page(axe: str) -> None:
    config = Config(
        admin=Admin(api_keys=(OPERATOR_KEY,)),
        browser_phone=BrowserPhone(enabled=True),
        sip_users=(SipUserSection(username="ann", password="long-enough"),),
    )
    async with running_console(config=config) as world, browser() as running:
        await filled(world)
        paths = [
            *("now", "sessions", "sessions?rejected=1", "sessions/full-session", "figures"),
            *("sessions/wrong-session", "sessions/running-session", "requests/bad-request"),
            *(
                "webhooks",
                "numbers",
                "scenarios",
                "campaigns",
                "opt-outs",
                "trunks",
                "keys",
                "playground",
                "phone",
            ),
        ]
        found = {}
        for scheme in ("light", "dark"):
            async with looking(running, world, OPERATOR_KEY, color_scheme=scheme) as looker:
                for path in paths:
                    account = "&" if "?" in path else "?"
                    await looker.open(f"/console/{path}{account}account=acme_corp")
                    for details in await looker.page.locator("details").all():
                        await details.evaluate("one => one.open = true")
                    if wrong := await violations(looker.page, axe):
                        found[scheme, path] = wrong
                await looker.page.set_viewport_size({"width": 390, "height": 844})
                await looker.open("/console/sessions/full-session")
                if wrong := await violations(looker.page, axe):
                    found[scheme, "phone"] = wrong
                await looker.page.get_by_role("button", name="Sign out").click()
                await looker.page.get_by_label("API key").wait_for()
                if wrong := await violations(looker.page, axe):
                    found[scheme, "sign-in"] = wrong
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


async def test_a_recording_is_drawn_and_played() -> None:
    files = OneRecording(tone())
    async with running_console(recordings=files) as world, browser() as running:
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
        async with looking(running, world) as looker:
            page = looker.page
            await looker.open("/console/sessions/full-session")
            await page.locator(".recording[data-drawn]").wait_for()
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
