"""The pages of the console over the wire: what hostile data does in them, and who sees what."""

from __future__ import annotations

from html.parser import HTMLParser

from tests.support.console_sessions import (
    HOSTILE,
    Told,
    busy_session,
    full_session,
    put,
    recent,
    rejected_request,
    running_session,
)
from tests.support.console_world import ConsoleWorld, running_console
from tests.support.http_world import OTHER_KEY, READER_KEY

from offhook.codes import SessionStatus

PAGES = (
    "/console/now",
    "/console/sessions",
    "/console/sessions?rejected=1",
    "/console/sessions/full-session",
    "/console/sessions/full-session/raw",
    "/console/requests/full-request",
    "/console/requests/bad-request",
)


class Tags(HTMLParser):
    """Notes the tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


async def hostile(world: ConsoleWorld) -> None:
    """Scripts wherever a customer, a phone or a webhook can put a text."""
    await full_session(world.store, text=HOSTILE)
    await rejected_request(world.store, text=HOSTILE)
    t = Told("odd", recent())
    await put(
        world.store,
        t,
        t.session(SessionStatus.RUNNING, t.leg("A", source=HOSTILE, trunk=HOSTILE)),
        t.started(),
    )


async def test_hostile_texts_are_shown_as_text() -> None:
    async with running_console() as world, world.signed_in() as client:
        await hostile(world)
        shown = 0
        for path in (*PAGES, "/console/sessions/odd-session"):
            answer = await client.get(path)
            assert answer.status == 200, answer.text
            seen = Tags(answer.text)
            assert seen.tags.count("img") == 1, "beside the mark there is no picture"
            assert not [name for name, _ in seen.attributes if name.startswith("on")]
            assert not [name for name, _ in seen.attributes if name == "style"]
            loaded = [value for name, value in seen.attributes if name in ("src", "href")]
            assert all(value.startswith(("/", "#")) for value in loaded)
            shown += "&lt;script&gt;" in answer.text and "{{7*7}}" in answer.text
        assert shown >= 6


ADDRESSES = (
    f"/console/find?q={HOSTILE}",
    f"/console/sessions?request={HOSTILE}",
    f"/console/sessions?number={HOSTILE}",
    f"/console/sessions?since={HOSTILE}",
    f"/console/sessions?status={HOSTILE}",
    f"/console/sessions?sip={HOSTILE}",
    f"/console/sessions?cursor={HOSTILE}",
    f"/console/sessions?account={HOSTILE}",
    f"/console/sessions/{HOSTILE}",
    f"/console/requests/{HOSTILE}",
    f"/console/sessions?done={HOSTILE}&mark=0",
    "/console/sessions?since=99999999w",
    "/console/sessions?since=0001-01-01T00:00%2B23:00",
    "/console/sessions?sip=%C2%B2%C2%B2%C2%B2",
)


async def test_hostile_addresses_are_answered_in_order() -> None:
    async with running_console() as world, world.signed_in() as client:
        for path in ADDRESSES:
            answer = await client.get(path)
            assert answer.status in (200, 303, 404, 422), answer.text
            assert "<script>document" not in answer.text


async def test_a_text_in_the_address_is_no_word_of_the_console() -> None:
    async with running_console() as world, world.signed_in() as client:
        await full_session(world.store)
        page = await client.get("/console/sessions/full-session?done=Call+us&mark=" + "0" * 64)
        assert "Call us" not in page.text


async def test_another_account_sees_nothing_of_it() -> None:
    async with running_console() as world, world.signed_in(OTHER_KEY) as client:
        await hostile(world)
        await busy_session(world.store)
        for path in (
            "/console/sessions/full-session",
            "/console/sessions/full-session/raw",
            "/console/sessions/full-session/pcap",
            "/console/requests/full-request",
            "/console/requests/bad-request",
        ):
            assert (await client.get(path)).status in (403, 404)
        for path in ("/console/now", "/console/sessions", "/console/sessions?rejected=1"):
            assert "full-" not in (await client.get(path)).text
        for path in ("/console/find?q=full-session", "/console/find?q=bad-request"):
            answer = await client.get(path)
            assert answer.headers["location"].startswith("/console/sessions?request=")
        for action in ("end", "redeliver"):
            answer = await client.post(f"/console/sessions/full-session/{action}")
            assert answer.status == 404


async def test_a_key_that_only_reads_cannot_hang_up() -> None:
    async with running_console() as world, world.signed_in(READER_KEY) as client:
        await running_session(world.store)
        await client.get("/console/sessions/running-session")
        answer = await client.post("/console/sessions/running-session/end")
        assert answer.status == 303
        page = await client.get(answer.headers["location"])
        assert "the key lacks sessions:write" in page.text
        assert world.store.records.sessions["running-session"].session.ended_at is None


async def test_a_webhook_is_sent_again_from_its_session() -> None:
    async with running_console() as world, world.signed_in() as client:
        await full_session(world.store)
        await client.get("/console/sessions/full-session")
        answer = await client.post(
            "/console/sessions/full-session/redeliver", delivery="full-status"
        )
        assert "It is sent again now." in (await client.get(answer.headers["location"])).text
        assert world.store.records.outbox["full-status"].state.value == "pending"
        answer = await client.post("/console/sessions/full-session/redeliver", delivery="none")
        assert answer.status == 404


async def test_one_field_finds_whatever_was_pasted() -> None:
    async with running_console() as world, world.signed_in() as client:
        await full_session(world.store)
        await rejected_request(world.store)
        for text, leads in (
            ("full-session", "/console/sessions/full-session"),
            ("full-request", "/console/requests/full-request"),
            ("bad-request", "/console/requests/bad-request"),
            ("%2B1 202 555 0101", "/console/sessions?number=%2B1+202+555+0101"),
            ("order-4711", "/console/sessions?request=order-4711"),
            ("", "/console/sessions"),
        ):
            answer = await client.get(f"/console/find?q={text}")
            assert answer.headers["location"] == leads
        page = await client.get("/console/sessions?number=%2B1+202+555+0101")
        assert "/console/sessions/full-session" in page.text
        page = await client.get("/console/sessions?request=order-4711")
        assert "/console/sessions/full-session" in page.text
        page = await client.get("/console/sessions?request=order-4712")
        assert "No sessions for these filters" in page.text
