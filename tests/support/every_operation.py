"""Calls every operation of the API through a client, in an order in which each can succeed."""

from __future__ import annotations

import asyncio
import base64
import io
import time
import wave
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest

from offhook import AsyncClient, Client
from offhook.client import CallflowInvalid, StateConflict, UnknownResource
from offhook.client.actions import hangup, make_call, say
from offhook.client.types import NumberBody, ParameterBody, RetriesBody, TargetBody

SOURCE = "+6512341234"
PHONE = "+12025550101"
NUMBERS = {"waiting": "+6568332048", "asynchronous": "+6568332047", "javascript": "+6568332046"}
"""Of each client's sub-account, which has the client's name."""
OTHER_NUMBER = "+6568332049"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Waited:
    """An asynchronous client as if it were the other: each method runs to its end."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client = client
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*values: Any, **named: Any) -> Any:
            answer = method(*values, **named)
            if hasattr(answer, "__aiter__"):
                return self._iterate(answer)
            return self._runner.run(answer)

        return call

    def _iterate(self, answers: AsyncIterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield self._runner.run(anext(answers))  # type: ignore[arg-type]
            except StopAsyncIteration:
                return


def silence(seconds: float) -> bytes:
    """A wav file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setnchannels(1)
        audio.setsampwidth(2)
        audio.setframerate(8000)
        audio.writeframes(bytes(int(16000 * seconds)))
    return file.getvalue()


def until(look: Callable[[], Sequence[Any] | None]) -> Sequence[Any]:
    """What another process does, once it has; at most 30 s."""
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def a_call(client: Client) -> str:
    """The callflow operations and those of sessions, over a real call; the session's id."""
    talk = [make_call(SOURCE, PHONE), say("Hello", language="en-US", repetition=3)]
    assert client.validate_callflow(talk).session_status == "VALID"
    first = client.send_callflow(talk, client_request_id="order-1", idempotency_key="once")
    again = client.send_callflow(talk, client_request_id="order-1", idempotency_key="once")
    assert first.session_id == again.session_id
    assert first.session_id is not None
    events = client.follow_session(first.session_id)
    seen = []
    for event in events:
        seen.append(event.event)
        if event.event == "CALL_CONNECTED":
            break
    after = event.number
    goodbye = [say("Goodbye", language="en-US"), hangup()]
    replaced = client.replace_callflow(first.session_id, goodbye)
    assert replaced.session_status == "RUNNING"
    seen += [event.event for event in client.follow_session(first.session_id, after=after)]
    assert (seen[0], seen[-1]) == ("SESSION_QUEUED", "SESSION_ENDED")
    assert len(seen) == len(client.get_session(first.session_id).events)
    # Behind the last event nothing comes.
    assert list(client.follow_session(first.session_id, after=len(seen))) == []
    assert (
        first.call_flow_request_id
        == client.get_request(first.call_flow_request_id).call_flow_request_id
    )
    return first.session_id


def older_requests(client: Client) -> None:
    """The paths of v1.1, and a session that is ended."""
    legacy = [
        {
            "action": "say",
            "params": {
                "source": SOURCE,
                "destination": PHONE,
                "text": "Hello",
                "language": "en-US",
                "repetition": 3,
            },
        }
    ]
    for send in (client.send_call, client.send_oldest_call):
        accepted = send(legacy, client_batch_id="old")
        assert accepted.uid == accepted.session_id
        assert client.end_session(accepted.session_id or "").session_id == accepted.session_id


def lists(client: Client) -> None:
    """Pages of sessions, and iterating over them."""
    page = client.list_sessions(limit=1)
    assert page.next_cursor is not None
    (second,) = client.list_sessions(limit=1, cursor=page.next_cursor).sessions
    every = [each.session_id for each in client.iter_sessions(limit=1)]
    assert every[:2] == [page.sessions[0].session_id, second.session_id]
    assert len(every) == len(set(every)) == len(client.list_sessions().sessions)
    assert [
        each.client_request_id for each in client.iter_sessions(client_request_id="order-1")
    ] == ["order-1"]


def settings(client: Client, number: str) -> None:
    """Webhooks, scenarios, menus, media, opt-outs, uploads of recordings."""
    hooks = client.put_webhook(type="VRU", url="http://127.0.0.1:9/vru", secret=SECRET)
    assert {hook.type for hook in hooks.webhooks} == {
        hook.type for hook in client.list_webhooks().webhooks
    }
    assert client.rotate_webhook_secret("VRU").secret.startswith("whsec_")
    client.delete_webhook("VRU")

    template = [make_call(SOURCE, "{{number}}"), say("Hello {{name}}", language="en-US")]
    parameters = [ParameterBody(name="number"), ParameterBody(name="name")]
    assert client.put_scenario("hello", template, parameters=parameters).name == "hello"
    assert client.get_scenario("hello").callflow == template
    assert [each.name for each in client.list_scenarios().scenarios] == ["hello"]
    client.delete_scenario("hello")

    menu = client.put_menu(
        "open",
        first="hours",
        callflows={"hours": [say("Nine to six", language="en-US")]},
        numbers=[number],
    )
    assert menu.name == client.get_menu("open").name
    assert [each.name for each in client.list_menus().menus] == ["open"]
    client.delete_menu("open")

    audio = silence(0.2)
    assert client.put_media("jingle.wav", audio).size == len(audio)
    assert client.get_media("jingle.wav") == audio
    assert [each.name for each in client.list_media().media] == ["jingle.wav"]
    client.delete_media("jingle.wav")

    client.put_opt_out("+12025550177")
    assert client.get_opt_out("+12025550177").way == "API"
    assert [each.number for each in client.list_opt_outs().opt_outs] == ["+12025550177"]
    assert [each.number for each in client.iter_opt_outs(limit=1)] == ["+12025550177"]
    client.delete_opt_out("+12025550177")

    client.put_recording_push_config(protocol="SFTP", host="127.0.0.1", username="u", password="p")
    assert client.get_recording_push_config().host == "127.0.0.1"
    client.delete_recording_push_config()

    assert client.list_speech_profiles().speech_profiles
    assert client.get_number(number).payload.msisdn == client.list_numbers().numbers[0].msisdn
    assert client.get_usage(month="2026-01").usage == []


def campaigns(client: Client) -> None:
    """A campaign that is made, filled, started, paused, resumed and canceled."""
    template = [make_call(SOURCE, "{{number}}"), say("Hello {{name}}", language="en-US")]
    made = client.create_campaign(
        template,
        name="July",
        pace=0.01,
        retries=RetriesBody(busy_after=None, most=1),
        targets=[TargetBody(number=PHONE, parameters={"name": "Ann"})],
        start=False,
    )
    assert (made.state, made.retries.busy_after, made.retries.no_answer_after) == (
        "DRAFT",
        None,
        3600,
    )
    name = made.campaign_id
    assert (
        client.upload_targets(name, "number,name\n+12025550102,Bob\n+12025550101,Ann\n").added == 1
    )
    assert (
        client.upload_targets(name, [TargetBody(number="+12025550103"), "+12025550104"]).added == 2
    )
    for order, state in (
        ("start", "RUNNING"),
        ("pause", "PAUSED"),
        ("resume", "RUNNING"),
        ("cancel", "CANCELED"),
    ):
        assert client.order_campaign(name, order).state == state  # type: ignore[arg-type]
    assert client.get_campaign(name).total == 4
    assert [each.campaign_id for each in client.list_campaigns().campaigns] == [name]
    assert [each.campaign_id for each in client.iter_campaigns()] == [name]
    assert len(client.list_targets(name, limit=2).targets) == 2
    assert len(list(client.iter_targets(name, limit=2))) == 4
    assert client.get_results(name).startswith("number,")


def afterwards(client: Client, session_id: str) -> None:
    """What is left of a call: recordings, deliveries, exports."""
    assert client.list_recordings(session_id).recordings == []
    client.erase_recordings(session_id)
    (delivered, *_) = until(lambda: client.list_deliveries("VSS", state="delivered").deliveries)
    assert delivered.delivery_id in {each.delivery_id for each in client.iter_deliveries("VSS")}
    assert client.redeliver("VSS", delivered.delivery_id).delivery_id == delivered.delivery_id

    job = client.start_export(from_="2026-01-01", format="csv").job_id
    (link,) = until(lambda: client.get_export(job).data)
    assert client.download_export(link).startswith(b"SessionId,")
    client.cancel_export(job)


def refusals(client: Client) -> None:
    """Each kind of refusal is an exception with the API's code."""
    with pytest.raises(CallflowInvalid) as invalid:
        client.send_callflow([say("Hello", language="en-US"), make_call(SOURCE, "1")])
    assert (invalid.value.status_code, invalid.value.http_status) == (-1013, 422)
    assert invalid.value.problems[0].path == "$.callflow[0]"
    with pytest.raises(UnknownResource) as unknown:
        client.get_session("unknown")
    assert unknown.value.http_status == 404
    ended = next(iter(client.iter_sessions(status="COMPLETED")))
    with pytest.raises(StateConflict, match="COMPLETED"):
        client.replace_callflow(ended.session_id, [hangup()])


def operation(client: Client) -> None:
    """What needs no key."""
    assert client.get_health().status == "ok"
    assert client.get_readiness().status == "ready"
    assert "offhook_" in client.get_metrics()


def administration(operator: Client, session_id: str, sub_account: str) -> None:
    """The operator's own API."""
    assert operator.get_status().nodes
    assert [n.name for n in operator.list_nodes().nodes if n.role == "voice"]
    voice = next(n.name for n in operator.list_nodes().nodes if n.role == "voice")
    operator.drain_node(name=voice, drain=True)
    operator.drain_node(name=voice, drain=False)
    assert operator.list_phones().phones == []
    assert operator.get_any_session(session_id).session_id == session_id
    assert session_id in {each.session_id for each in operator.list_all_sessions().sessions}
    assert session_id in {each.session_id for each in operator.iter_all_sessions(limit=1)}
    assert operator.get_session_log(session_id).session_id == session_id
    assert operator.order_capture(number=PHONE, rtp=False).capture_id
    assert operator.get_sip_trace(session_id).messages
    assert operator.get_session_pcap(session_id)
    assert operator.get_usage_of_all().totals is not None

    numbers = [NumberBody(msisdn=OTHER_NUMBER)]
    made = operator.put_sub_account("branch", account_id="acme", numbers=numbers)
    assert operator.get_sub_account("branch").sub_account_id == made.sub_account_id
    assert "branch" in {each.sub_account_id for each in operator.list_sub_accounts().sub_accounts}
    operator.assign_number("branch", "+6568332050", reference_id="second")
    assert "+6568332050" in {
        each.msisdn for each in operator.list_assigned_numbers("branch").numbers
    }
    operator.withdraw_number("branch", "+6568332050")

    key = operator.create_key(name="app", account_id="acme", scopes=["sessions:read"])
    fresh = operator.rotate_key(key.key_id, overlap_seconds=0)
    assert fresh.key_id in {each.key_id for each in operator.list_keys().keys}
    operator.revoke_key(fresh.key_id)
    operator.delete_sub_account("branch")
    assert operator.erase_number(number="+12025550188", sub_account_id=sub_account).sessions == 0
