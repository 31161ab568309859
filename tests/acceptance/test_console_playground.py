"""The playground against the whole server: a callflow is run, heard in the browser, and answered by keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.support.console_world import Looker, browser, looking_at, pictures
from tests.support.receiver import Receiver, Reply
from tests.support.server import API_KEY, Server, configuration

PHONE = "+12025550100"
GOODBYE = {
    "callflow": [
        {"action": "say", "params": {"text": "Sales it is.", "language": "en-US"}},
        {"action": "hangup"},
    ]
}

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]


async def test_a_call_is_heard_in_the_browser_and_its_keys_reach_the_webhook(
    tmp_path: Path,
) -> None:
    async with Receiver() as receiver, browser() as running:
        receiver.on("/vca", Reply(body=json.dumps(GOODBYE).encode()))
        hooks = {"VCA": receiver.url("/vca"), "VSS": receiver.url("/vss")}
        config = configuration({}, webhooks=hooks)
        config["testbed"] = {"phones": [{"number": PHONE}]}
        async with (
            Server(tmp_path / "server", config) as server,
            looking_at(running, server.url, API_KEY) as looker,
        ):
            page = looker.page
            await looker.open("/console/playground")
            await page.locator("#verdict", has_text="in order").wait_for()
            await page.get_by_label("Begin with").select_option(label="A menu with keys")
            await page.locator("#blocks li", has_text="promptMessage").wait_for()
            # Blocks and JSON change each other; the judge's problem stands at its block.
            await page.get_by_label("maxDigits").fill("")
            await page.locator("#blocks li.fault").wait_for()
            assert "maxDigits" in await page.locator("#problems").inner_text()
            await page.get_by_label("maxDigits").fill("1")
            await page.locator("#verdict", has_text="in order").wait_for()
            assert '"maxDigits": 1' in await page.locator("#json").input_value()
            await page.get_by_text("Copy as code").click()
            await page.get_by_role("button", name="Python").click()
            assert "urllib.request" in await page.locator("#code").inner_text()
            await page.get_by_role("button", name="Run").click()
            await page.locator('#screen-phone[data-state="talking"]').wait_for()
            loud = re.compile(r"^0\.(0[2-9]|[1-9])")
            await expect(page.locator("#level")).to_have_attribute(
                "data-most", loud, timeout=15_000
            )
            await page.locator("#happened", has_text="SAY_AND_CAPTURE").wait_for()
            await page.screenshot(path=pictures() / "playground-light-1440.png", full_page=True)
            await page.locator('[data-key="1"]').click()
            await page.locator("#happened", has_text="DECISION_MADE").wait_for()
            await receiver.wait_for(
                lambda: any(one.path == "/vca" for one in receiver.received), 10
            )
            asked = [one for one in receiver.received if one.path == "/vca"]
            assert "'1'" in str(asked[0].json)
            await page.locator("#outcome.good", has_text="Completed").wait_for()
            await receiver.wait_for(lambda: sum(receiver.summaries().values()) == 1, 20)
            await page.get_by_role("link", name="The session's page").click()
            await page.locator("#what-happened", has_text="Completed").wait_for()
            assert (looker.complaints, looker.elsewhere) == ([], [])
            await drag_and_answer_by_hand(looker, receiver)
            assert (looker.complaints, looker.elsewhere) == ([], [])


async def drag_and_answer_by_hand(looker: Looker, receiver: Receiver) -> None:
    """A person decides in place of the webhook, once in time and once too late."""
    page = looker.page
    asked_before = sum(one.path == "/vca" for one in receiver.received)
    await looker.open("/console/playground")
    await page.get_by_label("Begin with").select_option(label="A voice message")
    await page.get_by_role("button", name="+ playFile").click()
    await page.get_by_role("button", name="+ hangup").click()
    blocks = page.locator("#blocks > li")
    await blocks.nth(3).locator("b").drag_to(blocks.nth(1))
    names = [text.split(". ")[1] for text in await blocks.locator("b").all_inner_texts()]
    assert names == ["makeCall", "hangup", "say", "playFile"]
    written = json.loads(await page.locator("#json").input_value())
    assert [one["action"] for one in written["callflow"]] == names

    await page.get_by_label("Begin with").select_option(label="A voice message")
    await page.get_by_label("I answer the decision webhook").check()
    answer = page.get_by_label("The next callflow")
    send = page.get_by_role("button", name="Send", exact=True)
    await answer.fill('{"callflow": [{"action": "say"}]}')
    await page.locator("#hand-problems li").first.wait_for()
    await page.get_by_role("button", name="Run").click()
    await page.locator("#hand.asks").wait_for()
    assert "CALL_ACTION" in (await page.locator("#hand-question").text_content() or "")
    assert re.match(r"\d+ s left", await page.locator("#hand-seconds").inner_text())
    assert await send.is_disabled(), "the server would refuse this answer"
    await page.get_by_label("Answer with").select_option(label="hang up")
    await send.click()
    await expect(page.locator("#hand-state")).to_contain_text("the call goes on", timeout=15_000)
    await page.locator("#outcome.good", has_text="Completed").wait_for()

    await page.get_by_role("button", name="Run").click()
    await page.locator("#hand.asks").wait_for()
    await page.screenshot(path=pictures() / "by-hand-light-1440.png", full_page=True)
    await page.locator("#hand-state", has_text="Too late").wait_for()
    await page.locator("#outcome.failed", has_text="nobody answered by hand").wait_for()
    assert sum(one.path == "/vca" for one in receiver.received) == asked_before
