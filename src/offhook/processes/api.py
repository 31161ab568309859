"""The api role: answers HTTP and delivers webhooks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec
from prometheus_client import CollectorRegistry, Counter

from offhook.aio import wait_or
from offhook.campaigns.campaign_dialer import CampaignTools
from offhook.campaigns.campaign_worker import CampaignWorker
from offhook.clock import new_id
from offhook.config import Config
from offhook.config import file as config_file
from offhook.execution.liveness import judge_others
from offhook.http.app import create_app
from offhook.http.deps import Cancellation, Deps
from offhook.http.edge.http_server import RunningServer, serve
from offhook.net.http_client import HttpClient
from offhook.processes.console_opening import open_console
from offhook.processes.export_keeper import ExportKeeper
from offhook.processes.node_orders import introduce
from offhook.processes.number_watching import open_number_watch
from offhook.processes.otel import open_tracer
from offhook.processes.purging import Purge, retention_of
from offhook.processes.ready_facts import ReadyFacts
from offhook.processes.recording_duties import push_problem, shelf_of
from offhook.processes.role_context import RoleContext
from offhook.processes.shared import (
    Foundation,
    follow_reloads,
    keep_directory_fresh,
    open_foundation,
    open_notes,
    spending_watch,
)
from offhook.processes.site_metrics import SiteMetrics
from offhook.reporting.number_watch import NumberWatch
from offhook.reporting.spending_watch import SpendingWatch
from offhook.session import states
from offhook.session.api_keys import key_digest, new_api_key
from offhook.session.billing import Tariff
from offhook.session.number_states import NumberTerms
from offhook.session.ports.fabric import Fabric
from offhook.session.ports.record import StoreUnavailable
from offhook.session.ports.stores import Store
from offhook.session.ports.tracing import Tracer
from offhook.session.scenario_filling import unusable_patterns
from offhook.session.session import Session
from offhook.session.tenancy import KeyGrant, SubAccount, Webhook, WebhookType
from offhook.speech.profiles import ProfileTable
from offhook.store.directory import Directory
from offhook.webhooks.alerts import OperatorAlerts
from offhook.webhooks.delivery import DeliveryWorker
from offhook.webhooks.endpoints import PER_ENDPOINT
from offhook.webhooks.metrics import DeliveryMetrics
from offhook.webhooks.receivers import open_client, url_problem
from offhook.webhooks.reports import WebhookReports
from offhook.webhooks.trial import WebhookTrials

log = logging.getLogger(__name__)

LAST_DELIVERIES = 5.0
"""Seconds for the webhooks that are due when everything else has ended."""
EMBEDDED_KEY_NAME = "made at the first start"


class _Parts(NamedTuple):
    """What one API process is made of."""

    deps: Deps
    fabric: Fabric
    directory: Directory
    spending: SpendingWatch
    tariff: Tariff
    reports: WebhookReports
    trial: WebhookTrials
    campaigns: CampaignWorker
    delivery: DeliveryWorker
    alerts: OperatorAlerts
    exports: ExportKeeper
    figures: SiteMetrics
    numbers: NumberWatch


async def run(context: RoleContext) -> None:
    """Serve until told to stop, finish the running work, and end."""
    async with AsyncExitStack() as stack:
        foundation = await open_foundation(context, stack)
        name = f"{context.node_name}/api"
        await introduce(context, foundation.store, name)
        notes = open_notes(stack, foundation.store, process="api", node=name)
        api_key = await _first_key(context, foundation.store)
        parts = await _open_parts(context, stack, foundation)
        host, _, port = context.config.http.listen.rpartition(":")
        app = create_app(parts.deps, lambda api: open_console(parts.deps, api, parts.trial))
        server = await serve(app, parts.deps, host.strip("[]"), int(port))
        parts.deps.phase.ready = True
        context.reloads.append(parts.directory.use)
        context.reloads.append(parts.figures.use)
        context.reloads.append(lambda _config: server.reload_certificate())
        async with asyncio.TaskGroup() as group:
            duties = [group.create_task(duty) for duty in (*_duties(context, parts), notes.run())]
            scheme = "http" if context.config.http.tls_certificate is None else "https"
            url = f"{scheme}://{host}:{server.port}"
            context.supervisor.ready(ReadyFacts(url=url, api_key=api_key))
            await _until_stopped(context, parts.deps, server, parts.delivery)
            for duty in duties:
                duty.cancel()


async def _open_parts(
    context: RoleContext, stack: AsyncExitStack, foundation: Foundation
) -> _Parts:
    """Everything but the HTTP server, in the order in which one part needs another."""
    store, fabric, directory = foundation
    await directory.refresh()
    for line in unusable_patterns(directory.sub_accounts()):
        log.warning("a stored pattern cannot be used, its sessions end -2009: %s", line)
    reports = WebhookReports(directory)
    client = open_client(context.config, connections_per_host=PER_ENDPOINT)
    stack.push_async_callback(client.close)
    follow_reloads(context, client, None)
    tariff = Tariff(context.config.rates, directory.sub_account)
    context.reloads.append(lambda config: tariff.use(config.rates))
    spending = _open_spending(context, store, directory, context.registry)
    await spending.read()
    tracer = open_tracer(context, stack, "api")
    deps = _open_deps(context, stack, foundation, reports, client, spending, tracer)
    alerts = _open_alerts(context, stack)
    parts = _Parts(
        deps=deps,
        fabric=fabric,
        directory=directory,
        spending=spending,
        tariff=tariff,
        reports=reports,
        trial=WebhookTrials(client, context.clock),
        campaigns=_open_campaigns(context, fabric, deps),
        delivery=_open_delivery(context, client, foundation, tracer, alerts),
        alerts=alerts,
        exports=_open_exports(context, store),
        figures=SiteMetrics(context.registry, context.config),
        numbers=open_number_watch(context, foundation, deps.numbers, reports),
    )
    fabric.subscribe("campaigns", lambda _topic, _message: parts.campaigns.wake())
    fabric.subscribe("exports", lambda _topic, _message: parts.exports.wake())
    fabric.subscribe("outbox", lambda _topic, _message: parts.delivery.wake())
    return parts


def _open_campaigns(context: RoleContext, fabric: Fabric, deps: Deps) -> CampaignWorker:
    return CampaignWorker(
        CampaignTools(
            store=deps.store,
            sub_account=deps.directory.sub_account,
            profiles=deps.profiles,
            clock=context.clock,
            spending=deps.spending,
            queued=lambda: fabric.publish("queue"),
        )
    )


def _open_deps(
    context: RoleContext,
    stack: AsyncExitStack,
    foundation: Foundation,
    reports: WebhookReports,
    client: HttpClient,
    spending: SpendingWatch,
    tracer: Tracer,
) -> Deps:
    """What the resources of the HTTP API use."""
    pushes = HttpClient(allow_private=context.config.recording.allow_private)
    stack.push_async_callback(pushes.close)
    return Deps(
        store=foundation.store,
        spending=spending,
        tracer=tracer,
        numbers=NumberTerms(context.config, foundation.directory.sub_account),
        directory=foundation.directory,
        fabric=foundation.fabric,
        profiles=ProfileTable.installed(context.config.voices),
        cancel=lambda session, _sub_account, at: _canceled(session, reports, at),
        webhook_url_problem=lambda url: url_problem(client, url),
        recordings=shelf_of(context.config),
        push_problem=lambda config: push_problem(pushes, config),
        config=context.config,
        clock=context.clock,
        registry=context.registry,
    )


def _duties(context: RoleContext, parts: _Parts) -> tuple[Coroutine[object, object, None], ...]:
    """What runs beside the HTTP server until it stops."""
    store = parts.deps.store
    return (
        keep_directory_fresh(parts.directory, parts.fabric),
        _purge(context, store).run(),
        parts.campaigns.run(),
        parts.figures.keep(store, context.clock),
        judge_others(
            store,
            f"{context.node_name}/api",
            context.clock,
            parts.reports,
            wake_outbox=parts.delivery.wake,
            knows=parts.directory.knows,
            charged=parts.tariff.charged,
            place=context.place,
        ),
        parts.spending.run(),
        parts.exports.run(),
        parts.alerts.run(store),
        parts.numbers.run(),
    )


async def _until_stopped(
    context: RoleContext, deps: Deps, server: RunningServer, delivery: DeliveryWorker
) -> None:
    """Refuse callflows while the voice workers drain; then send the due webhooks, and stop."""
    await context.draining.wait()
    deps.phase.draining.set()
    await context.stopping.wait()
    last = 0.0 if context.orphaned.is_set() else LAST_DELIVERIES
    await wait_or(_all_sent(context, deps.store, delivery), last)
    await server.stop(grace=min(10.0, context.drain_timeout))
    await delivery.close()


async def _all_sent(context: RoleContext, store: Store, delivery: DeliveryWorker) -> None:
    """Wait until no delivery is due."""
    while await _something_due(context, store):
        delivery.wake()
        await asyncio.sleep(0.05)


async def _something_due(context: RoleContext, store: Store) -> bool:
    try:
        at = await store.next_delivery_at()
    except StoreUnavailable:
        return False
    return at is not None and at <= context.clock.now()


async def _first_key(context: RoleContext, store: Store) -> str | None:
    """The embedded default's API key, made at its first start and shown then only."""
    if not config_file.is_embedded(context.config) or await store.list_keys():
        return None
    sub_account = context.config.subaccounts[0]
    key = new_api_key()
    grant = KeyGrant(
        key_id=new_id(),
        account_id=sub_account.account,
        sub_account_ids=frozenset({sub_account.id}),
    )
    await store.put_key(key_digest(key), grant, EMBEDDED_KEY_NAME, context.clock.now())
    return key


def _open_alerts(context: RoleContext, stack: AsyncExitStack) -> OperatorAlerts:
    """The operator's own webhook, which may be at a private address."""
    client = HttpClient(allow_private=True)
    stack.push_async_callback(client.close)
    alerts = OperatorAlerts(client, context.clock, context.config.alerts)
    context.reloads.append(lambda config: alerts.use(config.alerts))
    return alerts


def _open_delivery(
    context: RoleContext,
    client: HttpClient,
    foundation: Foundation,
    tracer: Tracer,
    alerts: OperatorAlerts,
) -> DeliveryWorker:
    store, directory = foundation.store, foundation.directory

    def lookup(sub_account_id: str, type_: WebhookType) -> Webhook | None:
        sub_account: SubAccount | None = directory.sub_account(sub_account_id)
        return sub_account.webhooks.get(type_) if sub_account else None

    async def disable(sub_account_id: str, type_: WebhookType) -> None:
        webhook = lookup(sub_account_id, type_)
        if webhook is not None:
            disabled = msgspec.structs.replace(webhook, enabled=False)
            await store.put_webhook(sub_account_id, disabled)
            await directory.refresh()

    delivery = DeliveryWorker(
        store,
        client,
        lookup,
        owner=f"{context.node_name}/api@{context.place}",
        disable=disable,
        knows=directory.knows,
        metrics=DeliveryMetrics(context.registry),
        watch=alerts,
        tracer=tracer,
        clock=context.clock,
    )
    delivery.start()
    return delivery


def _open_exports(context: RoleContext, store: Store) -> ExportKeeper:
    """The exporting process, which gets the configuration as it was read last."""
    current = context.config

    def reload(config: Config) -> None:
        nonlocal current
        current = config

    context.reloads.append(reload)
    return ExportKeeper(store, context.clock, lambda: current)


def _open_spending(
    context: RoleContext, store: Store, directory: Directory, registry: CollectorRegistry
) -> SpendingWatch:
    """The spending of today; a sub-account that nears its budget is logged and counted."""
    alerts = Counter(
        "offhook_budget_alerts",
        "Days on which a sub-account has used 80 % of its budget.",
        ["sub_account"],
        registry=registry,
    )

    def alert(owner: SubAccount, part: Decimal) -> None:
        log.warning(
            "sub-account %s has used %d %% of its budget of the day",
            owner.sub_account_id,
            part * 100,
        )
        alerts.labels(owner.sub_account_id).inc()

    return spending_watch(context, store, directory, alert)


def _canceled(session: Session, reports: WebhookReports, at: datetime) -> Cancellation:
    ended = states.cancel(session, at)
    return Cancellation(ended, [states.ended(ended)], reports.session_ended(ended))


def _purge(context: RoleContext, store: Store) -> Purge:
    """Deletes old records, by the latest configuration."""
    owner = f"{context.node_name}/api"
    purge = Purge(store, context.clock, owner, retention_of(context.config))
    context.reloads.append(lambda config: purge.use(retention_of(config)))
    return purge
