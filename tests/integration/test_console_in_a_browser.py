"""The console in a real browser, as people use it: each journey through its pages."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.console_sessions import (
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
)
from tests.support.http_world import OPERATOR_KEY

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
