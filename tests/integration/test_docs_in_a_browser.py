"""The documentation in a real browser, served by ``offhook docs``; it asks no other server."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, expect
from tests.support.axe import axe_source, violations
from tests.support.console_world import browser

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]

PAGES = (
    *("index.html", "start.html", "tutorials/ivr.html", "callflows.html", "configuration.html"),
    *(
        "explanation/life-of-a-call.html",
        "sip-state-machines.html",
        "codes/1013.html",
        "readme.html",
    ),
)


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """``offhook docs`` on a free port; its URL."""
    command = (sys.executable, "-m", "offhook", "docs", "--port", "0", "--json")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            told = json.loads(await process.stdout.readline())
        yield told["url"]
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def reading(width: int = 1300, **how: str) -> AsyncIterator[tuple[Page, str]]:
    """A page of the browser and the site's URL; errors of scripts and requests elsewhere fail the test."""
    async with served() as url, browser() as running:
        context = await running.new_context(viewport={"width": width, "height": 850}, **how)  # type: ignore[arg-type]
        page = await context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda asked: wrong.append(asked.url) if not asked.url.startswith(url) else None,
        )
        await page.goto(url)
        yield page, url
        assert wrong == []


async def test_a_word_is_searched_and_its_place_is_opened() -> None:
    async with reading() as (page, url):
        await page.keyboard.press("/")
        await page.keyboard.type("sayandcapture noOfTries")
        first = page.locator("#found [role=option]").first
        await expect(first.locator("a")).to_have_attribute(
            "href", re.compile(r"callflows\.html#sayandcapture$")
        )
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{url}callflows.html#sayandcapture")
        await page.keyboard.press("/")
        await page.keyboard.type("zebra crossing")
        await expect(page.locator("#found")).to_have_text("Nothing found.")
        await page.keyboard.press("Escape")
        await expect(page.locator("#found")).to_be_hidden()


async def test_the_theme_is_chosen_and_kept() -> None:
    async with reading(color_scheme="light") as (page, url):
        paint = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(paint)
        button = page.get_by_role("button", name="Theme")
        await button.click()
        await button.click()
        await expect(button).to_have_text("Theme: dark")
        dark = await page.evaluate(paint)
        assert dark != light
        await page.goto(f"{url}api.html")
        assert await page.evaluate(paint) == dark


async def test_on_a_phone_the_list_of_pages_is_folded_and_nothing_is_too_wide() -> None:
    async with reading(width=390) as (page, url):
        await page.get_by_text("All pages").click()
        await page.get_by_role("link", name="A menu (IVR)").first.click()
        await expect(page).to_have_title("A menu (IVR) · Offhook")
        for name in PAGES:
            await page.goto(url + name)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, name


async def test_a_block_is_copied_without_its_prompt() -> None:
    async with reading() as (page, url):
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.goto(f"{url}testing.html")
        await (
            page.locator(".block", has_text="offhook simulate menu.json")
            .get_by_role("button")
            .click()
        )
        await expect(page.locator(".block button", has_text="Copied")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("offhook simulate menu.json --press 1")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_source(tmp_path_factory.mktemp("axe"))


async def test_axe_finds_nothing(axe: str) -> None:
    found = {}
    async with reading() as (page, url):
        for scheme, width in (("light", 1300), ("dark", 1300), ("light", 390)):
            await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            await page.set_viewport_size({"width": width, "height": 850})
            for name in PAGES:
                await page.goto(url + name)
                if wrong := await violations(page, axe):
                    found[scheme, width, name] = wrong
    assert found == {}
