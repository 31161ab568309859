"""The watch over virtual numbers, as the API process runs it."""

from __future__ import annotations

from offhook.config import Config
from offhook.processes.role_context import RoleContext
from offhook.processes.shared import Foundation
from offhook.reporting.number_watch import NumberWatch
from offhook.session.number_states import NumberTerms
from offhook.session.ports.webhooks import NumberReports


def open_number_watch(
    context: RoleContext, foundation: Foundation, terms: NumberTerms, reports: NumberReports
) -> NumberWatch:
    """Tells customers of their numbers; follows accounts and reloads."""
    store, fabric, directory = foundation
    watch = NumberWatch(
        store=store,
        sub_accounts=directory.sub_accounts,
        terms=terms,
        reports=reports,
        clock=context.clock,
        on_outbox=lambda: fabric.publish("outbox"),
    )

    def reload(config: Config) -> None:
        terms.use(config)
        watch.reload()

    context.reloads.append(reload)
    fabric.subscribe("tenancy", lambda _topic, _message: watch.wake())
    return watch
