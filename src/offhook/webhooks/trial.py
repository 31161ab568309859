"""Sends a made-up event to a webhook at once, so that its owner sees what comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import final

from offhook.clock import Clock, new_id
from offhook.codes import CallStatus, SessionStatus
from offhook.flow.actions import Callflow, MakeCall
from offhook.net.http_client import HttpRequester
from offhook.session.ports.webhooks import Reply, WebhookTrial
from offhook.session.session import Direction, Leg, Session
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhooks import payloads
from offhook.webhooks.payloads import CallActionStatus, CallEventStatus
from offhook.webhooks.vca import ask_once

PATIENCE = 5.0
"""Seconds for the answer."""
CALLER = "+6512341234"
CALLED = "+12025550101"


@final
class WebhookTrials(WebhookTrial):
    """Signs and sends as deliveries are; nothing is stored, and nothing is tried again."""

    def __init__(self, client: HttpRequester, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def send(self, owner: SubAccount, webhook: Webhook) -> Reply:
        event_id = f"test-{new_id()}"
        payload = self._payload(owner, webhook.type, event_id)
        return await ask_once(
            self._client,
            webhook,
            payload,
            event_id=event_id,
            clock=self._clock,
            timeout=PATIENCE,
        )

    def _payload(self, owner: SubAccount, kind: WebhookType, event_id: str) -> bytes:
        """An event as a call of half a minute would cause it. Its session is named ``test-…``."""
        session = self._session(owner, event_id)
        leg, at = session.legs[0], self._clock.now()
        match kind:
            case WebhookType.VCA:
                status = CallActionStatus.ACTION_COMPLETED
                return payloads.call_action(
                    session, leg, event_id=event_id, status=status, at=at, digits="1"
                )
            case WebhookType.VCS:
                ended = CallEventStatus.CALL_DISCONNECTED
                return payloads.call_status(
                    session, leg, event_id=event_id, status=ended, at=at, sip_code=200
                )
            case WebhookType.VSS:
                return payloads.session_summary(session)
            case WebhookType.VRU:
                return payloads.recording_status(
                    session_id=session.session_id,
                    recording_id=event_id,
                    duration_seconds=30,
                    file_path=f"{session.session_id}/{event_id}.mp3",
                    uploaded=True,
                )
            case WebhookType.VNU:
                return payloads.numbers_update(owner.sub_account_id, (), total=0, snapshot=True)

    def _session(self, owner: SubAccount, name: str) -> Session:
        ended = self._clock.now()
        began = ended - timedelta(seconds=30)
        source = owner.own_number or CALLER
        leg = Leg(
            call_id=name,
            direction=Direction.OUTBOUND,
            source=source,
            destination=CALLED,
            initiated_at=began,
            connected_at=began + timedelta(seconds=2),
            disconnected_at=ended,
            status=CallStatus.COMPLETED,
            sip_code=200,
        )
        return Session(
            session_id=name,
            sub_account_id=owner.sub_account_id,
            call_flow_request_id=name,
            status=SessionStatus.COMPLETED,
            callflow=Callflow(actions=(MakeCall(source=source, destination=CALLED),)),
            created_at=began,
            started_at=began,
            ended_at=ended,
            last_action="SAY",
            legs=(leg,),
        )
