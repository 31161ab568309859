"""The pages of the console over the wire: what hostile data does in them, and who sees what."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
from tests.support.console_sessions import (
    HOSTILE,
    Told,
    busy_session,
    flow,
    full_session,
    put,
    recent,
    rejected_request,
    running_session,
)
from tests.support.console_world import ConsoleWorld, running_console, running_record_console
from tests.support.http_world import OPERATOR_KEY, OTHER_KEY, READER_KEY

from offhook import config
from offhook.codes import SessionStatus
from offhook.config import Admin, Config
from offhook.session.ports.hand_answers import HAND_ORDERS, HandNews, HandState, hand_topic
from offhook.session.ports.screen_orders import ORDERS, SOUND, STATE, screen_topic
from offhook.session.tenancy import Webhook, WebhookType

PAGES = (
    "/console/now",
    "/console/sessions",
    "/console/sessions?rejected=1",
    "/console/sessions/full-session",
    "/console/sessions/full-session/raw",
    "/console/requests/full-request",
    "/console/requests/bad-request",
)

CAMPAIGN = """[{"action": "makeCall", "params": {"source": "+6512341234", "destination": "{{number}}"}},
    {"action": "say", "params": {"text": "Hello {{name}}", "language": "en-US"}}]"""


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


async def test_the_deliveries_of_a_webhook_show_where_they_go() -> None:
    async with running_console() as world, world.signed_in() as client:
        webhook = Webhook(type=WebhookType.VCS, url="https://a.example/events")
        await world.store.put_webhook("acme_corp", webhook)
        await world.directory.refresh()
        await full_session(world.store)
        for path in ("webhooks/VCS?account=acme_corp", "sessions/full-session"):
            page = await client.get(f"/console/{path}")
            assert "full-status" in page.text
            assert "to https://a.example/events" in page.text


async def test_a_session_shows_what_its_webhook_was_asked_and_what_it_said() -> None:
    async with running_console() as world, world.signed_in() as client:
        await full_session(world.store, text="a note")
        page = await client.get("/console/sessions/full-session")
        assert "&#34;eventType&#34;: &#34;CALL_ACTION&#34;" in page.text
        assert "&#34;note&#34;: &#34;a note&#34;" in page.text
        assert "HTTP 503 a note" in page.text


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


async def test_settings_are_changed_through_the_rules_of_the_api(tmp_path: Path) -> None:
    async with running_record_console(tmp_path) as world, world.signed_in() as client:
        page = await client.get("/console/webhooks")
        assert "https://acme.example/vca" in page.text
        assert "s3cret" not in page.text
        answer = await client.post(
            "/console/webhooks",
            account="acme_corp",
            type="VSS",
            url="https://a.example/s",
            enabled="1",
        )
        assert (answer.status, "whsec_" in answer.text) == (200, True)
        answer = await client.post(
            "/console/webhooks", account="acme_corp", type="VCS", url="http://127.0.0.1/"
        )
        page = await client.get(answer.headers["location"])
        assert "That did not work" in page.text
        assert "private address" in page.text
        answer = await client.post("/console/webhooks/VSS/delete", account="acme_corp")
        assert "is gone" in (await client.get(answer.headers["location"])).text
        answer = await client.post("/console/opt-outs", account="acme_corp", number="+12025550101")
        assert "+12025550101 is on the list" in (await client.get(answer.headers["location"])).text
        answer = await client.post(
            "/console/scenarios", account="acme_corp", name="code", callflow="[{", parameters=""
        )
        assert (answer.status, "this is no JSON" in answer.text) == (422, True)
        assert "[{" in answer.text, "what was written is kept"
        answer = await client.post(
            "/console/scenarios",
            account="acme_corp",
            name="code",
            callflow='[{"action": "say", "params": {"text": "{{code}}"}}]',
        )
        assert "scenarios?account=acme_corp&done=" in answer.headers["location"]
        assert "{{code}}" in (await client.get("/console/scenarios?edit=code")).text
        answer = await client.post(
            "/console/campaigns",
            account="acme_corp",
            name="parcels",
            callflow=CAMPAIGN,
            numbers="+12025550101, name=Ada\nnonsense\n\n+12025550102",
            pace="2",
        )
        page = await client.get(answer.headers["location"])
        assert "1 lines cannot be used" in page.text
        assert "+12025550102" in page.text
        assert "Ada" in page.text
        assert "parcels" in (await client.get("/console/campaigns")).text
        for path in ("keys", "trunks"):
            assert (await client.get(f"/console/{path}")).status == 403
        assert "+6568332048" in (await client.get("/console/numbers")).text


async def test_nobody_changes_the_settings_of_another_account(tmp_path: Path) -> None:
    async with running_record_console(tmp_path) as world, world.signed_in(OTHER_KEY) as client:
        await client.get("/console/now")
        changes: tuple[tuple[str, dict[str, str]], ...] = (
            ("webhooks", {"type": "VSS", "url": "https://a.example/"}),
            ("webhooks/VCA/delete", {}),
            ("opt-outs", {"number": "+12025550101"}),
            ("scenarios", {"name": "x", "callflow": "[]"}),
            ("campaigns", {"callflow": CAMPAIGN}),
            ("numbers", {"number": "+12025550101"}),
        )
        for path, fields in changes:
            for account in ("acme_corp", "acme_corp/webhooks/..", "none"):
                answer = await client.post(f"/console/{path}", None, account=account, **fields)
                assert answer.status == 404, path
        answer = await client.post("/console/opt-outs", account="other_corp", number="../webhooks")
        assert answer.status == 404
        answer = await client.post("/console/numbers", account="other_corp", number="+12025550101")
        assert "Resource not accessible" in (await client.get(answer.headers["location"])).text
        answer = await client.post("/console/keys", name="x", owner="acme")
        assert answer.status == 403
        owner = world.directory.sub_account("acme_corp")
        assert owner is not None
        assert list(owner.webhooks) == ["VCA"]


async def test_an_operator_makes_replaces_and_revokes_keys(tmp_path: Path) -> None:
    async with running_record_console(tmp_path) as world, world.signed_in(OPERATOR_KEY) as client:
        await client.get("/console/keys")
        answer = await client.post(
            "/console/keys", name="robot", owner="acme", scope="sessions:read"
        )
        made = re.findall(r"offhook_[A-Za-z0-9_-]{43}", answer.text)
        assert len(set(made)) == 1
        async with world.signed_in(made[0]) as robot:
            assert (await robot.get("/console/sessions")).status == 200
            assert (await robot.get("/console/webhooks")).status == 403
            (stored,) = await world.store.list_keys()
            answer = await client.post(f"/console/keys/{stored.grant.key_id}/revoke")
            assert "opens nothing any more" in (await client.get(answer.headers["location"])).text
            assert (await robot.get("/console/sessions")).status == 303
        answer = await client.post("/console/keys", name="", owner="acme")
        assert answer.status == 422
        answer = await client.post("/console/numbers", account="acme_corp", number="+6561110000")
        assert "is assigned" in (await client.get(answer.headers["location"])).text
        assert "+6561110000" in (await client.get("/console/numbers?account=acme_corp")).text
        assert "No trunks in the configuration" in (await client.get("/console/trunks")).text


async def test_no_address_changes_anything_when_it_is_only_looked_at(tmp_path: Path) -> None:
    async with running_record_console(tmp_path) as world, world.signed_in(OPERATOR_KEY) as client:
        await client.get("/console/keys")
        await client.post("/console/opt-outs", account="acme_corp", number="+12025550101")
        before = await world.store.tenancy_version()
        for path in (
            "webhooks/VCA/delete?account=acme_corp",
            "webhooks/VCA/secret?account=acme_corp",
            "numbers/withdraw?account=acme_corp&number=%2B6568332048",
            "opt-outs/delete?account=acme_corp&number=%2B12025550101",
            "scenarios/delete?account=acme_corp&name=x",
            "campaigns/x/cancel?account=acme_corp",
            "keys/x/revoke",
            "trunks/drain?name=n1&drain=1",
            "sessions/x/end",
            "playground/acme_corp/run",
        ):
            assert (await client.get(f"/console/{path}")).status in (404, 405), path
        assert await world.store.tenancy_version() == before
        assert await world.store.opt_out("acme_corp", "+12025550101") is not None


async def test_a_callflow_is_judged_as_it_is_typed_and_nothing_is_kept() -> None:
    async with running_console() as world, world.signed_in() as client:
        await client.get("/console/playground")
        headers = {"x-form-token": client.token, "accept": "application/json"}

        async def asked(path: str, body: bytes) -> tuple[int, dict[str, Any]]:
            url = world.url(f"/console/playground/{path}")
            async with client.session.post(url, data=body, headers=headers) as answer:
                return answer.status, await answer.json()

        status, told = await asked("acme_corp/judge", b'{"callflow": [{"action": "say"}]}')
        assert (status, told["fine"]) == (200, False)
        assert told["problems"][0]["path"].startswith("$.callflow[0]")
        assert (await asked("acme_corp/judge", flow()))[1] == {"fine": True, "problems": []}
        for body in (b"", b"[" * 100_000, b"\xff", b" " * 300_000):
            assert (await asked("acme_corp/judge", body))[1]["fine"] is False
        assert world.store.records.requests == {}
        hangup = b'{"callflow": [{"action": "hangup"}]}'
        assert (await asked("acme_corp/judge", hangup))[1]["fine"] is False
        assert (await asked("acme_corp/judge?decision=1", hangup))[1]["fine"] is True
        assert (await asked("other_corp/judge", flow()))[0] == 404
        assert (await asked("other_corp/run", flow()))[0] == 404
        status, told = await asked("acme_corp/run", flow())
        assert told["answer"]["statusMessage"] == "Created"
        followed = await client.get(f"/console/playground/session/{told['answer']['sessionId']}")
        assert "waits for its turn" in followed.text
        headers["x-form-token"] = "0" * 64
        assert (await asked("acme_corp/run", flow()))[0] == 403


async def test_a_phone_on_the_screen_is_one_of_the_built_in_ones() -> None:
    phones = config.Testbed(phones=(config.TestbedPhone(number="+12025550100"),))
    settings = Config(admin=Admin(api_keys=(OPERATOR_KEY,)), testbed=phones)
    async with running_console(config=settings) as world, world.signed_in() as client:
        heard: list[bytes] = []
        world.deps.fabric.subscribe(ORDERS, lambda _topic, message: heard.append(message))
        await client.get("/console/playground")
        path = "/console/playground/phone"
        assert (await client.get(f"{path}/%2B12025550199/{'a' * 32}")).status == 404
        assert (await client.get(f"{path}/%2B12025550100/nobody")).status == 422
        assert (await client.post(f"{path}/%2B12025550100/{'a' * 32}/key:x")).status == 422
        assert (await client.post(f"{path}/%2B12025550100/{'a' * 32}/key:5")).status == 204
        assert b'"key:5"' in heard[-1]
        url = world.url(f"{path}/%2B12025550100/{'a' * 32}")
        async with client.session.get(url) as stream:
            assert await stream.content.readline() == b": held\n"
            world.deps.fabric.publish(screen_topic("a" * 32), STATE + b"ringing")
            world.deps.fabric.publish(screen_topic("a" * 32), SOUND + b"\1\2")
            world.deps.fabric.publish(screen_topic("a" * 32), STATE + b"x\n\nevent: y")
            read = b""
            while b"unknown" not in read:
                read += await stream.content.readline()
            assert b"event: state\ndata: ringing" in read
            assert b"event: sound\ndata: AQI=" in read


async def test_only_the_browser_that_began_a_session_answers_its_questions() -> None:
    desk = "d" * 32
    async with (
        running_console() as world,
        world.signed_in() as client,
        world.signed_in() as stranger,
    ):
        orders: list[bytes] = []
        world.deps.fabric.subscribe(HAND_ORDERS, lambda _topic, message: orders.append(message))
        for each in (client, stranger):
            await each.get("/console/playground")
        run, hand = "/console/playground/acme_corp/run", "/console/playground/hand"
        assert (await client.post_json(f"{run}?desk=nobody", flow())).status == 422
        assert world.store.records.requests == {}
        began = json.loads((await client.post_json(f"{run}?desk={desk}", flow())).text)
        session, ticket = began["answer"]["sessionId"], began["ticket"]
        assert [msgspec.json.decode(one)["session_id"] for one in orders] == [session]
        own = f"{hand}/{session}/{desk}"
        assert (await client.get(own)).status == 403
        assert (await stranger.get(f"{own}?ticket={ticket}")).status == 403
        assert (await client.get(f"{hand}/another/{desk}?ticket={ticket}")).status == 403
        async with client.session.get(world.url(f"{own}?ticket={ticket}")) as stream:
            assert await stream.content.readline() == b": held\n"
            news = HandNews(state=HandState.ASKED, event_id="e", seconds=10, question="a\n\nb")
            world.deps.fabric.publish(hand_topic(desk), msgspec.json.encode(news))
            world.deps.fabric.publish(hand_topic(desk), b"event: x")
            read = b""
            while b"malformed" not in read:
                read += await stream.content.readline()
            assert b'event: news\ndata: {"state":"asked"' in read
        answer = f"{own}/e?ticket={ticket}"
        wrong = await client.post_json(answer, b'{"callflow": [{"action": "say"}]}')
        assert (wrong.status, json.loads(wrong.text)["fine"]) == (422, False)
        assert (await client.post_json(answer, b" " * 70_000)).status == 422
        assert (await stranger.post_json(answer, b"{}")).status == 403
        assert not any(b"answer" in one for one in orders)
        right = await client.post_json(answer, b'{"callflow": [{"action": "hangup"}]}')
        assert (right.status, json.loads(right.text)["fine"]) == (200, True)
        assert msgspec.json.decode(orders[-1])["event_id"] == "e"


async def test_a_sessions_page_is_told_when_something_has_happened() -> None:
    async with running_console() as world, world.signed_in() as client:
        await running_session(world.store)
        path = "/console/sessions/running-session"
        assert f'data-stream="{path}/stream"' in (await client.get(path)).text
        async with client.session.get(world.url(f"{path}/stream")) as stream:
            for _ in range(2):
                assert await stream.content.readline() == b"event: changed\n"
                assert await stream.content.readline() == b"data:\n"
                assert await stream.content.readline() == b"\n"
                world.deps.fabric.publish("session.running-session.events")
        assert (await client.get("/console/sessions/none/stream")).status == 404
