"""Signing in to the console: who gets in, for how long, and what a forged form can do."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import aiohttp
import pytest
from tests.support.console_world import ConsoleClient, running_console
from tests.support.http_world import KEY, OPERATOR_KEY, FakeDirectory

from offhook.config import Config, Http
from offhook.console.web import within_console
from offhook.session.api_keys import new_api_key

INLINE = ("unsafe-inline", "unsafe-eval", "http:", "https:", "*")


async def test_a_key_opens_the_console_and_its_cookie_is_no_use_to_scripts_and_other_sites() -> (
    None
):
    async with running_console() as world, aiohttp.ClientSession() as session:
        client = ConsoleClient(world, session)
        answer = await client.post("/console/sign-in", key=KEY, next="/console/sessions")
        assert (answer.status, answer.headers["location"]) == (303, "/console/sessions")
        (cookie,) = answer.cookies
        assert KEY not in cookie
        for part in ("HttpOnly", "SameSite=strict", "Path=/console", "Max-Age=43200"):
            assert part in cookie


@pytest.mark.parametrize("key", ["", "wrong", "x" * 5000, "\ud7ff\0"])
async def test_a_key_that_opens_nothing_gets_the_form_again(key: str) -> None:
    async with running_console() as world, aiohttp.ClientSession() as session:
        answer = await ConsoleClient(world, session).post("/console/sign-in", key=key)
        assert (answer.status, answer.cookies) == (401, [])
        assert "opens nothing here" in answer.text


async def test_a_flood_of_wrong_keys_is_no_flood_of_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def look(_directory: FakeDirectory) -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(FakeDirectory, "refresh", look)
    async with running_console() as world, aiohttp.ClientSession() as session:
        client = ConsoleClient(world, session)
        await client.post("/console/sign-in", key="offhook_guess")
        assert looks == 0, "what cannot be a key costs no read"
        keys = [new_api_key() for _ in range(4)]
        seen = await asyncio.gather(*(client.post("/console/sign-in", key=one) for one in keys))
        assert {one.status for one in seen} == {401}
        assert 0 < looks < 4


async def test_without_a_sign_in_every_page_leads_to_the_form_and_back() -> None:
    async with running_console() as world, aiohttp.ClientSession() as session:
        client = ConsoleClient(world, session)
        for path in ("/console/now", "/console/now?account=acme_corp"):
            answer = await client.get(path, accept="text/html")
            assert answer.status == 303
            assert answer.headers["location"].startswith("/console/sign-in?next=%2Fconsole")
        answer = await client.get("/console/now/calls", accept="application/json")
        assert answer.status == 401


@pytest.mark.parametrize(
    ("wanted", "leads"),
    [
        ("/console/sessions?status=BUSY", "/console/sessions?status=BUSY"),
        ("https://evil.example/", "/console/now"),
        ("//evil.example/", "/console/now"),
        ("/console@evil.example", "/console/now"),
        ("/console/\\evil", "/console/now"),
        ("/console/x\r\nset-cookie: a=b", "/console/now"),
        (None, "/console/now"),
    ],
)
def test_signing_in_leads_to_pages_of_the_console_only(wanted: str | None, leads: str) -> None:
    assert within_console(wanted) == leads


async def test_a_sign_in_ends_when_it_is_idle_and_at_last_in_any_case() -> None:
    async with running_console() as world:
        async with world.signed_in() as client:
            world.clock.ahead = timedelta(minutes=59)
            assert (await client.get("/console/now")).status == 200
            world.clock.ahead = timedelta(minutes=118)  # used 59 minutes ago
            assert (await client.get("/console/now")).status == 200
            world.clock.ahead = timedelta(minutes=179)
            assert (await client.get("/console/now")).status == 303
            world.clock.ahead = timedelta(minutes=118)  # it is gone, not only late
            assert (await client.get("/console/now")).status == 303
        world.clock.ahead = timedelta(0)
        async with world.signed_in() as client:
            for minutes in range(0, 720, 45):
                world.clock.ahead = timedelta(minutes=minutes)
                assert (await client.get("/console/now")).status == 200
            world.clock.ahead = timedelta(minutes=721)
            assert (await client.get("/console/now")).status == 303


async def test_a_key_that_is_revoked_signs_its_people_out() -> None:
    async with running_console() as world, world.signed_in() as client:
        del world.directory.keys[KEY]
        assert (await client.get("/console/now")).status == 303


async def test_signing_out_ends_the_sign_in_on_the_server() -> None:
    async with running_console() as world, world.signed_in() as client:
        await client.get("/console/now")
        kept = {cookie.key: cookie.value for cookie in client.session.cookie_jar}
        answer = await client.post("/console/sign-out")
        assert (answer.status, answer.headers["location"]) == (303, "/console/sign-in")
        async with aiohttp.ClientSession(cookies=kept) as session:
            again = await ConsoleClient(world, session).get("/console/now", accept="text/html")
        assert again.status == 303


async def test_a_form_without_the_token_or_from_another_site_changes_nothing() -> None:
    async with running_console() as world, world.signed_in() as client:
        await client.get("/console/now")
        good = client.token
        for token, headers in (
            ("", {}),
            ("0" * 64, {}),
            ("\N{SNOWMAN}", {}),
            (good, {"origin": "https://evil.example"}),
            (good, {"sec-fetch-site": "cross-site"}),
            (good, {"sec-fetch-site": "same-site"}),
        ):
            answer = await client.post("/console/sign-out", headers=headers, token=token)
            assert answer.status == 403, (token, headers)
        assert (await client.get("/console/now")).status == 200
        answer = await client.post("/console/sign-in", {"origin": "https://evil.example"}, key=KEY)
        assert (answer.status, answer.cookies) == (403, [])


async def test_a_form_through_a_proxy_comes_from_its_public_address() -> None:
    settings = Config(http=Http(public_url="https://voice.example/"))
    async with running_console(config=settings) as world, aiohttp.ClientSession() as session:
        client = ConsoleClient(world, session)
        evil, good = {"origin": "https://evil.example"}, {"origin": "https://voice.example"}
        assert (await client.post("/console/sign-in", evil, key=KEY)).status == 403
        answer = await client.post("/console/sign-in", good, key=KEY)
        assert answer.status == 303
        assert "Secure" in answer.cookies[0]


async def test_a_stream_ends_so_that_whoever_reads_it_is_let_in_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("offhook.console.board.LONGEST", 0.5)
    async with running_console() as world, world.signed_in() as client:
        seen = await client.get("/console/now/stream")
        assert (seen.status, seen.text.count("event: calls")) == (200, 1)
        del world.directory.keys[KEY]
        assert (await client.get("/console/now/stream", accept="*/*")).status == 401


async def test_getting_changes_nothing() -> None:
    async with running_console() as world, world.signed_in() as client:
        assert (await client.get("/console/sign-out")).status == 405
        assert (await client.get("/console/now")).status == 200


async def test_every_answer_carries_a_policy_that_runs_no_inline_script() -> None:
    async with running_console() as world, world.signed_in() as client:
        for path in ("/console/now", "/console/sign-in", "/console/unknown"):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert "script-src 'self'" in policy
            assert "default-src 'none'" in policy
            assert not [word for word in INLINE if word in policy]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            for inline in (" style=", " onclick=", "<style", "javascript:", "<script>"):
                assert inline not in answer.text


async def test_keys_are_tried_a_few_times_a_second_only() -> None:
    async with running_console() as world, aiohttp.ClientSession() as session:
        client = ConsoleClient(world, session)
        world.clock.stands = True
        answers = [await client.post("/console/sign-in", key="wrong") for _ in range(20)]
        assert {answer.status for answer in answers} == {401, 429}


async def test_an_operators_key_shows_pages_that_a_customers_does_not() -> None:
    async with running_console() as world:
        async with world.signed_in(OPERATOR_KEY) as client:
            assert "/console/keys" in (await client.get("/console/now")).text
            assert "other_corp" in (await client.get("/console/now")).text
        async with world.signed_in() as client:
            page = await client.get("/console/now")
            assert "/console/keys" not in page.text
            assert "other_corp" not in page.text
            assert (await client.get("/console/now?account=other_corp")).status == 404
