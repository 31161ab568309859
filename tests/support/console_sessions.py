"""Sessions as calls leave them behind, for pages to show: one that went through everything, and others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from offhook import events as e
from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.flow.actions import Callflow, MakeCall, Say, SayAndCapture
from offhook.session.ports.record import (
    DeliveryAttempt,
    DeliveryState,
    OutboxEntry,
    OutboxType,
    RequestRecord,
)
from offhook.session.ports.telephony import SipMessage
from offhook.session.session import (
    CallQuality,
    Direction,
    Leg,
    LegFailure,
    Session,
    SessionError,
    TrunkTry,
)
from offhook.store.memory import MemoryStore
from offhook.store.memory.memory_records import StoredDelivery

SOURCE, DESTINATION = "+6512341234", "+12025550101"
HOSTILE = """"><script>document.title="owned"</script><img src=x onerror="document.title='owned'">'`{{7*7}}"""


def flow(text: str = "Press one for sales.") -> bytes:
    """A request's body: a call with a menu."""
    return json.dumps(
        {
            "callflow": [
                {
                    "action": "makeCall",
                    "params": {"source": SOURCE, "destination": DESTINATION},
                },
                {"action": "say", "params": {"text": text, "language": "en-US"}},
                {
                    "action": "sayAndCapture",
                    "params": {"promptMessage": text, "language": "en-US", "maxDigits": 1},
                },
            ]
        }
    ).encode()


class Told:
    """Makes the facts of a session, seconds after its begin."""

    def __init__(self, name: str, began: datetime) -> None:
        self.name = name
        self.began = began

    def at(self, seconds: float) -> datetime:
        """A time."""
        return self.began + timedelta(seconds=seconds)

    def leg(self, name: str, **more: object) -> Leg:
        """A leg over the trunk ``main``."""
        values: dict[str, object] = {
            "call_id": name,
            "direction": Direction.OUTBOUND,
            "source": SOURCE,
            "destination": DESTINATION,
            "trunk": "main",
            "initiated_at": self.at(0.2),
        }
        return Leg(**{**values, **more})  # type: ignore[arg-type]

    def session(self, status: SessionStatus, *legs: Leg, **more: object) -> Session:
        """A session of ``acme_corp``."""
        values: dict[str, object] = {
            "session_id": f"{self.name}-session",
            "sub_account_id": "acme_corp",
            "call_flow_request_id": f"{self.name}-request",
            "status": status,
            "callflow": Callflow(
                actions=(
                    MakeCall(source=SOURCE, destination=DESTINATION),
                    Say(text="Press one for sales."),
                    SayAndCapture(prompt_message="Press one for sales.", max_digits=1),
                )
            ),
            "created_at": self.at(-1),
            "started_at": self.at(0),
            "legs": legs,
        }
        return Session(**{**values, **more})  # type: ignore[arg-type]

    def started(self) -> list[e.AnyEvent]:
        """Its first three facts."""
        return [
            e.SessionQueued(at=self.at(-1)),
            e.SessionStarted(at=self.at(0), node="n1/voice-0"),
            e.ActionStarted(at=self.at(0.1), index=0, action="MAKE_CALL"),
            e.CallInitiated(at=self.at(0.2), call_id="A", destination=DESTINATION, trunk="main"),
        ]

    def request(self, session_id: str | None, body: bytes | None = None) -> RequestRecord:
        """What was asked."""
        return RequestRecord(
            call_flow_request_id=f"{self.name}-request",
            sub_account_id="acme_corp",
            at=self.at(-1),
            body=body or flow(),
            http_status=200,
            answer=b'{"statusCode": 1, "statusMessage": "Created"}',
            session_id=session_id,
        )


def recent(minutes: float = 5) -> datetime:
    """So long ago."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)


async def put(
    store: MemoryStore, told: Told, session: Session, facts: Sequence[e.AnyEvent], body: bytes = b""
) -> Session:
    """Store it."""
    await store.accept(session, facts, told.request(session.session_id, body or None))
    return session


async def full_session(
    store: MemoryStore, name: str = "full", text: str = "hello", minutes: float = 5
) -> Session:
    """A menu: keys, two questions to the webhook, a bridge, a recording, summaries, SIP, quality."""
    t = Told(name, recent(minutes))
    good = CallQuality(mos=4.3, packet_loss_rate=0.002, jitter=3)
    legs = (
        t.leg(
            "A",
            connected_at=t.at(3.1),
            disconnected_at=t.at(31),
            status=CallStatus.COMPLETED,
            sip_code=200,
            quality=good,
        ),
        t.leg(
            "B",
            destination="+6568332048",
            initiated_at=t.at(14.2),
            connected_at=t.at(18),
            disconnected_at=t.at(31),
            status=CallStatus.COMPLETED,
            sip_code=200,
            quality=CallQuality(mos=3.4, packet_loss_rate=0.021, jitter=18),
        ),
    )
    facts: list[e.AnyEvent] = [
        *t.started(),
        e.CallUpdated(at=t.at(1.0), call_id="A", sip_code=180),
        e.CallConnected(at=t.at(3.1), call_id="A"),
        e.ActionEnded(at=t.at(3.1), index=0, action="MAKE_CALL", result="answered"),
        e.RecordingStarted(at=t.at(3.2), recording_id=f"{name}-recording"),
        e.ActionStarted(at=t.at(3.2), index=1, action="SAY"),
        e.ActionEnded(at=t.at(6.0), index=1, action="SAY", result="spoken"),
        e.ActionStarted(at=t.at(6.0), index=2, action="SAY_AND_CAPTURE"),
        e.DigitsCaptured(at=t.at(11.5), call_id="A", digits="1"),
        e.ActionEnded(at=t.at(11.6), index=2, action="SAY_AND_CAPTURE", result="digits 1"),
        e.DecisionAsked(at=t.at(11.7), event_id=f"{name}-question"),
        e.DecisionMade(
            at=t.at(14.1),
            event_id=f"{name}-question",
            question=json.dumps({"eventType": "CALL_ACTION", "dtmf": text}),
            http_status=200,
            body=json.dumps({"callflow": [{"action": "makeCall", "params": {"note": text}}]}),
        ),
        e.ActionStarted(at=t.at(14.1), index=0, action="MAKE_CALL"),
        e.CallInitiated(at=t.at(14.2), call_id="B", destination="+6568332048", trunk="main"),
        e.CallUpdated(at=t.at(15), call_id="B", sip_code=180),
        e.CallConnected(at=t.at(18), call_id="B"),
        e.CallUpdated(at=t.at(18.1), call_id="B", bridged_with="A"),
        e.CallUpdated(at=t.at(18.1), call_id="A", bridged_with="B"),
        e.CallDisconnected(
            at=t.at(31), call_id="B", call_status="COMPLETED", sip_code=200, by="callee"
        ),
        e.ActionEnded(at=t.at(31), index=0, action="MAKE_CALL", result="bridge ended"),
        e.RecordingEnded(at=t.at(31), recording_id=f"{name}-recording"),
        e.QualityMeasured(
            at=t.at(31),
            call_id="A",
            every=10,
            mos=(4.4, 3.1, None),
            packet_loss_rate=(0.0, 0.04, None),
            jitter=(2, 30, None),
        ),
        e.CallDisconnected(
            at=t.at(31), call_id="A", call_status="COMPLETED", sip_code=200, by="server"
        ),
        e.SessionEnded(at=t.at(31.1), status="COMPLETED"),
    ]
    session = t.session(
        SessionStatus.COMPLETED,
        *legs,
        ended_at=t.at(31.1),
        last_action="MAKE_CALL",
        callflow=Callflow(
            actions=(MakeCall(source=SOURCE, destination=DESTINATION), Say(text=text)),
            client_request_id="order-4711",
        ),
    )
    await put(store, t, session, facts, flow(text))
    await store.put_sip_trace(session.session_id, sip(t))
    await deliver(store, t, text)
    return session


def sip(t: Told) -> list[SipMessage]:
    """What was said on the wire."""
    said = (
        (0.2, True, "INVITE sip:+12025550101@carrier SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"),
        (0.3, False, "SIP/2.0 100 Trying\r\nCSeq: 1 INVITE\r\n\r\n"),
        (1.0, False, "SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"),
        (3.1, False, "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"),
        (3.11, True, "ACK sip:+12025550101@carrier SIP/2.0\r\nCSeq: 1 ACK\r\n\r\n"),
        (31.0, True, "BYE sip:+12025550101@carrier SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n"),
        (31.05, False, "SIP/2.0 200 OK\r\nCSeq: 2 BYE\r\n\r\n"),
    )
    near, far = "udp:192.0.2.7:5060", "udp:198.51.100.9:5060"
    return [
        SipMessage(at=t.at(at), sent=sent, near=near, far=far, text=text) for at, sent, text in said
    ]


async def deliver(store: MemoryStore, t: Told, text: str) -> None:
    """Two webhooks: one delivered at the second attempt, one given up."""
    for name, type_, state in (
        ("summary", OutboxType.VSS, DeliveryState.DELIVERED),
        ("status", OutboxType.VCS, DeliveryState.DEAD),
    ):
        entry = OutboxEntry(
            delivery_id=f"{t.name}-{name}",
            sub_account_id="acme_corp",
            type=type_,
            payload=json.dumps({"eventId": name, "text": text}).encode(),
            created_at=t.at(31),
            give_up_at=t.at(9999),
            session_id=f"{t.name}-session",
        )
        stored = StoredDelivery(entry)
        store.records.outbox[entry.delivery_id] = stored
        stored.state = state
        stored.attempts += [
            DeliveryAttempt(at=t.at(31.02), http_status=503, detail=f"HTTP 503 {text}"),
            DeliveryAttempt(at=t.at(31.09), http_status=200, detail="HTTP 200"),
        ]


async def busy_session(store: MemoryStore, name: str = "busy", minutes: float = 8) -> Session:
    """The second trunk said 486."""
    t = Told(name, recent(minutes))
    failure = LegFailure(
        sip_reason="Busy Here",
        q850_cause=17,
        tries=(
            TrunkTry(trunk="first", sip_code=503, sip_reason="Service Unavailable"),
            TrunkTry(trunk="main", sip_code=486, sip_reason="Busy Here"),
        ),
    )
    leg = t.leg(
        "A", disconnected_at=t.at(3.4), status=CallStatus.BUSY, sip_code=486, failure=failure
    )
    facts = [
        *t.started(),
        e.CallDisconnected(
            at=t.at(3.4), call_id="A", call_status="BUSY", sip_code=486, by="callee"
        ),
        e.ActionEnded(at=t.at(3.4), index=0, action="MAKE_CALL", result="busy"),
        e.SessionEnded(at=t.at(3.5), status="BUSY"),
    ]
    session = t.session(SessionStatus.BUSY, leg, ended_at=t.at(3.5), last_action="MAKE_CALL")
    return await put(store, t, session, facts)


async def wrong_answer_session(store: MemoryStore, name: str = "wrong") -> Session:
    """The webhook's answer was no callflow."""
    t = Told(name, recent(12))
    leg = t.leg(
        "A",
        connected_at=t.at(2),
        disconnected_at=t.at(9),
        status=CallStatus.COMPLETED,
        sip_code=200,
    )
    problem = "-1003 at $.callflow[0].params.maxDigits: Valid maxDigits required"
    facts = [
        *t.started(),
        e.CallConnected(at=t.at(2), call_id="A"),
        e.DecisionAsked(at=t.at(8), event_id=f"{name}-question"),
        e.DecisionMade(
            at=t.at(8.4),
            event_id=f"{name}-question",
            http_status=200,
            body='{"callflow": [{"action": "sayAndCapture", "params": {"minDigits": 4}}]}',
            problem=problem,
        ),
        e.SessionEnded(at=t.at(9), status="ERROR", error_code=-2003, detail=problem),
    ]
    error = SessionError(
        code=RuntimeCode.INVALID_CALLFLOW, action="SAY_AND_CAPTURE", detail=problem
    )
    session = t.session(SessionStatus.ERROR, leg, ended_at=t.at(9), error=error)
    return await put(store, t, session, facts)


async def running_session(store: MemoryStore, name: str = "running", keys: bool = True) -> Session:
    """It waits for keys."""
    t = Told(name, recent(0.3))
    leg = t.leg("A", connected_at=t.at(3))
    facts: list[e.AnyEvent] = [*t.started(), e.CallConnected(at=t.at(3), call_id="A")]
    if keys:
        facts.append(e.ActionStarted(at=t.at(4), index=2, action="SAY_AND_CAPTURE"))
    return await put(store, t, t.session(SessionStatus.RUNNING, leg), facts)


async def rejected_request(store: MemoryStore, name: str = "bad", text: str = "hello") -> None:
    """A callflow with two mistakes."""
    message = f"Valid maxDigits required when minDigits provided {text}"
    answer = {
        "callFlowRequestId": f"{name}-request",
        "statusCode": -1003,
        "statusMessage": message,
        "errors": [
            {"code": -1003, "path": "$.callflow[2].params.maxDigits", "message": message},
            {"code": -1009, "path": "$.validUntil", "message": "is no time"},
        ],
    }
    record = Told(name, recent(3)).request(None, flow(text))
    await store.record_request(
        msgspec.structs.replace(record, http_status=422, answer=json.dumps(answer).encode())
    )
