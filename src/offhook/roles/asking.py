"""Puts the decision point's questions to the sub-account's VCA webhook."""

from __future__ import annotations

from offhook.clock import Clock
from offhook.execution.decision import Asker, Question, Reply
from offhook.session.tenancy import SubAccount, WebhookType
from offhook.webhooks import decision
from offhook.webhooks.payloads import CallActionStatus, call_action


def asker(client: decision.Client, clock: Clock) -> Asker:
    """Asks over HTTP, through ``client``."""

    async def ask(sub_account: SubAccount, question: Question) -> Reply:
        received = question.received
        status = CallActionStatus.CALL_RECEIVED if received else CallActionStatus.ACTION_COMPLETED
        payload = call_action(
            question.session,
            question.leg,
            event_id=question.event_id,
            status=status,
            at=clock.now(),
            digits=question.digits,
            sip_code=question.leg.sip_code,
            client_action_id=question.client_action_id,
            dtmf_event_data=sub_account.dtmf_event_data,
        )
        webhook = sub_account.webhooks[WebhookType.VCA]
        outcome = await decision.ask(
            client, webhook, payload, event_id=question.event_id, clock=clock
        )
        if isinstance(outcome, decision.Unreachable):
            return Reply(body=None, http_status=outcome.http_status, detail=outcome.detail)
        return Reply(body=outcome.body, http_status=outcome.http_status, too_long=outcome.too_long)

    return ask
