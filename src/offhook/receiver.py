"""Receives Offhook's webhooks in a server of yours: proves, reads and answers them.

Works with every web framework, and needs no server of Offhook, no httpx and no network::

    from offhook.receiver import BadSignature, Receiver, VcaEvent, answer, hangup, say

    receiver = Receiver("whsec_…")

    def handle(headers, body):
        try:
            delivery = receiver.receive(headers, body)
        except BadSignature:
            return 401, None
        match delivery.event:
            case VcaEvent(payload=call) if call.dtmf == "1":
                return 200, answer([say("Nine to six.", language="en-US"), hangup()])
        return 200, answer()

``docs/clients.md`` shows it with FastAPI, Flask, Django and Litestar.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from offhook.client.actions import (
    Action,
    execute_scenario,
    hangup,
    make_call,
    play_file,
    say,
    say_and_capture,
)
from offhook.client.types.webhook_event_types import (
    CallActionPayload,
    CallEventStatus,
    CallStatusPayload,
    NumbersPayload,
    QuestionStatus,
    RecordingPayload,
    SessionSummaryPayload,
    UploadStatus,
    VcaEvent,
    VcsEvent,
    VnuEvent,
    VruEvent,
    VssEvent,
)
from offhook.webhook_secrets import secret_key
from offhook.webhooks.signing import TOLERANCE, BadSignature, verify

__all__ = [
    "Action",
    "BadPayload",
    "BadSignature",
    "CallActionPayload",
    "CallEventStatus",
    "CallStatusPayload",
    "DtmfCallback",
    "NumbersPayload",
    "QuestionStatus",
    "Receiver",
    "RecordingPayload",
    "SessionSummaryPayload",
    "SignedDelivery",
    "UnknownEvent",
    "UploadStatus",
    "VcaEvent",
    "VcsEvent",
    "VnuEvent",
    "VruEvent",
    "VssEvent",
    "answer",
    "execute_scenario",
    "hangup",
    "make_call",
    "play_file",
    "read_dtmf_callback",
    "say",
    "say_and_capture",
]


class BadPayload(ValueError):
    """The body is no event of Offhook: answer 400."""


class UnknownEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An event of a newer server. Answer 200."""

    event_type: str
    payload: object = None


WebhookEvent = VcaEvent | VcsEvent | VssEvent | VruEvent | VnuEvent | UnknownEvent


class SignedDelivery(NamedTuple):
    """One genuine delivery."""

    id: str
    """The same in every attempt: deliveries come at least once, so keep what you have handled."""
    event: WebhookEvent


class HeaderItems(Protocol):
    """Headers of any web framework, with names in any case."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Name and value of each."""


class Receiver:
    """Takes deliveries that were signed with one of your secrets.

    ``secrets``: ``whsec_…``, as ``POST …/webhooks`` showed it; several for webhooks that have each their
    own. ``tolerance``: seconds by which a delivery's time may differ from yours. Raises
    :class:`~offhook.webhook_secrets.BadSecret` for what is no secret.
    """

    def __init__(self, *secrets: str, tolerance: float = TOLERANCE) -> None:
        if not secrets:
            raise ValueError("a receiver needs the secret of a webhook")
        for secret in secrets:
            secret_key(secret)
        self._secrets = secrets
        self._tolerance = tolerance

    def receive(
        self, headers: HeaderItems, body: bytes | str, *, now: float | None = None
    ) -> SignedDelivery:
        """A delivery's event. ``body``: as it came, before any JSON parser.

        Raises :class:`BadSignature` (answer 401) for what was not signed with one of the secrets, was
        altered, or is older than ``tolerance``, and :class:`BadPayload` (answer 400). ``now``: Unix
        seconds; absent: the time.
        """
        data = body.encode() if isinstance(body, str) else body
        delivery_id = self._proved(
            {name.lower(): value for name, value in headers.items()},
            data,
            time.time() if now is None else now,
        )
        return SignedDelivery(delivery_id, read_event(data))

    def _proved(self, headers: Mapping[str, str], body: bytes, now: float) -> str:
        for secret in self._secrets:
            try:
                return verify(secret, headers, body, now=now, tolerance=self._tolerance)
            except BadSignature:
                continue
        raise BadSignature


class _EventHead(msgspec.Struct, rename="camel"):
    event_type: str


_KNOWN = frozenset(
    str(each.__struct_config__.tag) for each in (VcaEvent, VcsEvent, VssEvent, VruEvent, VnuEvent)
)


def read_event(body: bytes) -> WebhookEvent:
    """The event of a body that was proved otherwise. Raises :class:`BadPayload`."""
    try:
        if msgspec.json.decode(body, type=_EventHead).event_type not in _KNOWN:
            return msgspec.json.decode(body, type=UnknownEvent)
        return msgspec.json.decode(body, type=VcaEvent | VcsEvent | VssEvent | VruEvent | VnuEvent)
    except msgspec.MsgspecError as error:
        raise BadPayload(f"the body is no event of Offhook: {error}") from error


def answer(
    callflow: Sequence[Action] = (), *, client_action_id: str | None = None
) -> dict[str, object]:
    """The answer of a VCA, to be sent as JSON: what the call does next; nothing: it is hung up.

    ``client_action_id`` comes back with the next question.
    """
    if not callflow:
        return {}
    named = {} if client_action_id is None else {"clientActionId": client_action_id}
    return {**named, "callflow": list(callflow)}


class DtmfState(msgspec.Struct, frozen=True):
    """What a legacy callback is about."""

    code: str
    """``DTMF``."""
    timestamp: str
    """ISO 8601, UTC, milliseconds."""


class DtmfDetails(msgspec.Struct, frozen=True):
    """The keys of a legacy callback."""

    dtmf: str | None
    """None: nothing was pressed."""


class DtmfCallback(msgspec.Struct, frozen=True, rename="camel"):
    """What a sayAndCapture posts to its ``dtmfCallbackUrl``. It has no envelope and no signature."""

    uid: str
    """The session's id."""
    status: DtmfState
    destination: str
    action_details: DtmfDetails
    client_request_id: str | None = None


def read_dtmf_callback(body: bytes) -> DtmfCallback:
    """A legacy callback. It is not signed: know its URL only to yourself. Raises :class:`BadPayload`."""
    try:
        return msgspec.json.decode(body, type=DtmfCallback)
    except msgspec.MsgspecError as error:
        raise BadPayload(f"the body is no callback of Offhook: {error}") from error
