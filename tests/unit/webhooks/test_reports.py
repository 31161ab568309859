"""Which facts of a session cause which webhooks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.support.webhook_samples import LEG, SESSION

from offhook.events import CallConnected, CallDisconnected, SessionStarted
from offhook.session.ports.tenants import SubAccounts
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhooks.reports import WebhookReports

AT = datetime(2024, 7, 3, 6, tzinfo=UTC)
CONNECTED = CallConnected(at=AT, call_id=LEG.call_id)
FACTS = (
    SessionStarted(at=AT, node="n1"),
    CONNECTED,
    CallDisconnected(at=AT, call_id=LEG.call_id, call_status="COMPLETED"),
)


class Owners(SubAccounts):
    """One sub-account with these webhooks."""

    def __init__(self, *types: WebhookType, enabled: bool = True) -> None:
        hooks = {t: Webhook(type=t, url="https://a.example/", enabled=enabled) for t in types}
        self._owner = SubAccount(sub_account_id="acme_corp", account_id="a", webhooks=hooks)

    def sub_account(self, sub_account_id: str) -> SubAccount | None:
        return self._owner if sub_account_id == "acme_corp" else None

    def sub_accounts(self) -> Sequence[SubAccount]:
        return (self._owner,)


def test_call_events_are_told_and_nothing_else() -> None:
    entries = WebhookReports(Owners(WebhookType.VCS)).happened(SESSION, FACTS, "menu")
    told = [json.loads(entry.payload)["payload"] for entry in entries]
    assert [payload["callStatus"] for payload in told] == ["CALL_CONNECTED", "CALL_DISCONNECTED"]
    assert [payload["eventId"] for payload in told] == [entry.delivery_id for entry in entries]


def test_without_an_enabled_webhook_nothing_is_told() -> None:
    for owners in (Owners(WebhookType.VSS), Owners(WebhookType.VCS, enabled=False)):
        assert WebhookReports(owners).happened(SESSION, FACTS, None) == []
    assert WebhookReports(Owners(WebhookType.VCS)).session_ended(SESSION) == []
    assert len(WebhookReports(Owners(WebhookType.VSS)).session_ended(SESSION)) == 1
