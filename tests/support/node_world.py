"""A voice node, a carrier with phones, and a caller, in one process, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Any

import numpy as np
from tests.support.net import free_port

from offhook import config
from offhook.clock import SystemClock, new_id
from offhook.codes import RuntimeCode
from offhook.events import SessionQueued
from offhook.execution.call_metrics import CallMetrics
from offhook.execution.node import VoiceNode
from offhook.fabric.memory import MemoryFabric
from offhook.flow.actions import AnyAction, Callflow
from offhook.media import make_engine
from offhook.session import states
from offhook.session.ports.metering import Spending
from offhook.session.ports.record import NodeRole, RequestRecord
from offhook.session.ports.speech import Prompt, PromptError, Speech
from offhook.session.ports.telephony import DialOrder
from offhook.session.ports.tenants import SubAccounts
from offhook.session.ports.webhooks import Question, Reply
from offhook.session.session import Session
from offhook.session.tenancy import SubAccount, VirtualNumber, Webhook, WebhookType
from offhook.speech.profiles import ProfileTable
from offhook.speech.prompt import G711Prompt
from offhook.store.memory import MemoryStore
from offhook.telephony.dialer import Dialer
from offhook.telephony.endpoint import udp_endpoint
from offhook.telephony.line import Line
from offhook.telephony.screening import InboundScreening, Received
from offhook.telephony.trunks import Trunk, trunk_of
from offhook.testbed.carrier import Carrier
from offhook.testing.list_service import ListService
from offhook.webhooks.reports import WebhookReports

SOURCE, OURS = "+6512341234", "+6568332048"
ANSWERS, PRESSES, BUSY, SILENT, LEAVES = (f"+1202555010{number}" for number in range(5))
PHONES = (
    config.TestbedPhone(number=ANSWERS, answer_after=0.0),
    config.TestbedPhone(number=PRESSES, answer_after=0.0, press="1"),
    config.TestbedPhone(number=BUSY, outcome="busy"),
    config.TestbedPhone(number=SILENT, outcome="no-answer"),
    config.TestbedPhone(number=LEAVES, answer_after=0.0, hangup_after=0.2),
)
ACME = SubAccount(
    sub_account_id="acme",
    account_id="acme",
    caller_ids=frozenset({SOURCE}),
    numbers=(VirtualNumber(msisdn=OURS),),
    webhooks={
        type_: Webhook(type=type_, url="https://customer.example/")
        for type_ in (WebhookType.VCA, WebhookType.VCS, WebhookType.VSS)
    },
)


class Tone(Speech):
    """Speaks every text as a short tone, but for one that it cannot speak."""

    def __init__(self) -> None:
        wave = np.sin(np.arange(1600) * 0.6) * 8000
        self._prompt = G711Prompt.of_pcm(wave.astype("<i2").tobytes())

    async def say(self, text: str, **_how: Any) -> Prompt:
        await asyncio.sleep(0)
        if text.endswith("unspeakable"):
            raise PromptError(RuntimeCode.SYNTHESIS_FAILED, "no voice")
        return self._prompt

    async def fetch(self, url: str, *, owner: str) -> Prompt:
        return await self.say(url)


class SwitchedSpending(Spending):
    """A budget that a test declares spent."""

    def __init__(self) -> None:
        self.reason: str | None = None

    def spent_out(self, sub_account: SubAccount, now: datetime) -> str | None:
        return self.reason


class World(SubAccounts):
    """A voice node, and a carrier with phones, each with SIP and media of its own."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.owner = ACME
        self.store = MemoryStore()
        self.fabric = MemoryFabric()
        self.spending = SwitchedSpending()
        self.decision: bytes | None = b"{}"
        """What the customer's server answers; None: nothing."""
        self.owner = ACME
        self.node: VoiceNode
        self.config: config.Config
        self.caller: Line
        self.telephony: Dialer
        self.port = 0

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        return self.owner

    def sub_accounts(self) -> Sequence[SubAccount]:
        return (self.owner,)

    async def ask(self, sub_account: SubAccount, question: Question) -> Reply:
        await asyncio.sleep(0)
        if self.decision is None:
            return Reply(body=None, detail="HTTP 503", http_status=503)
        return Reply(body=self.decision, http_status=200)

    async def run(self, *actions: AnyAction) -> Session:
        """Run a callflow to its end."""
        now = self.clock.now()
        flow = Callflow(actions=actions)
        session = states.accept(flow, "acme", call_flow_request_id=new_id(), at=now)
        request = RequestRecord(
            call_flow_request_id=session.call_flow_request_id,
            sub_account_id="acme",
            at=now,
            body=b"",
            http_status=200,
            answer=b"{}",
            session_id=session.session_id,
        )
        await self.store.accept(session, (SessionQueued(at=now),), request)
        self.node.wake()
        await asyncio.wait_for(self.store.ended(session.session_id), 20)
        ended = await self.store.session("acme", session.session_id)
        assert ended is not None
        return ended

    async def ring(self, source: str = "+4915112345678") -> None:
        """A phone calls our number and hangs up when it is hung up on."""
        order = DialOrder(
            call_id=new_id(),
            source=source,
            destination=OURS,
            trunks=("server",),
            ring_timeout=10,
        )

        async def no_other(_trunk: str) -> bool:
            return False

        call = Dialer(self.caller).dial(order, lambda _status, _early: None, no_other)
        await asyncio.wait_for(call.wait_ended(), 20)


@asynccontextmanager
async def world(
    spending: SwitchedSpending | None = None,
    rates: config.RatesSection = config.RatesSection(),  # noqa: B008 - frozen
    **limits: Any,
) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:

        async def line(first_port: int, trunks: dict[str, Trunk]) -> Line:
            endpoint = udp_endpoint("127.0.0.1", 0)
            await endpoint.start()
            stack.push_async_callback(endpoint.close)
            engine = make_engine("python", host="127.0.0.1", ports=(first_port, first_port + 399))
            engine.start()
            stack.callback(engine.close)
            return Line(
                endpoint=endpoint,
                media=engine,
                media_host="127.0.0.1",
                trunks=trunks,
                media_timeout=60.0,
                clock=made.clock,
            )

        made = World()
        made.spending = spending or made.spending
        await made.fabric.start()
        base = 22_000 + free_port() % 8 * 1_000
        carrier_line = await line(base, {})
        phones = Carrier(carrier_line, {phone.number: phone for phone in PHONES})
        phones.start()
        stack.push_async_callback(phones.close)
        _, port = carrier_line.endpoint.local_address
        trunk = config.TrunkSection(
            name="carrier", address=f"udp:127.0.0.1:{port}", inbound_from=("127.0.0.1",)
        )
        server_line = await line(base + 400, {"carrier": trunk_of(trunk)})
        made.telephony = Dialer(server_line)
        _, server_port = server_line.endpoint.local_address
        server = config.TrunkSection(name="server", address=f"udp:127.0.0.1:{server_port}")
        made.caller = await line(base + 800, {"server": trunk_of(server)})
        node = await made.store.register_node("n", NodeRole.VOICE, made.clock.now())
        made.config = config.Config(
            trunks=(trunk,),
            routes=(config.RouteSection(prefix="+1", trunks=("carrier",)),),
            rates=rates,
            limits=config.Limits(**({"ring_timeout": 0.3, "queue_timeout": 0.1} | limits)),
        )
        made.node = VoiceNode(
            metrics=CallMetrics(),
            store=made.store,
            node=node,
            telephony=made.telephony,
            speech=Tone(),
            profiles=ProfileTable(()),
            reports=WebhookReports(made),
            ask=made.ask,
            opt_out_service=ListService(None),
            directory=made,
            config=made.config,
            clock=made.clock,
            fabric=made.fabric,
            spending=made.spending,
            capacity=100,
        )

        def take(got: Received) -> None:
            made.node.take(got.call, trunk="carrier", caller=got.caller, called=got.called)

        InboundScreening(server_line, take, knows=made.node.owns).start()
        stopping, ready = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(
            made.node.run(stopping, on_ready=ready.set, drain_timeout=lambda: 0.0)
        )
        await ready.wait()
        yield made
        stopping.set()
        await running
