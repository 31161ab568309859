"""``/webhooks``: the URLs for a sub-account's events. Secrets are stored and never shown again."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook.http.deps import Deps
from offhook.http.edge.access import Caller, Scope
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import CONFLICTS, needs, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE
from offhook.http.resources.shown_url import shown_url
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhook_secrets import BadSecret, new_secret, secret_key


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A webhook to be created, or to replace the one of its type."""

    type: WebhookType
    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]
    http_auth_header: Annotated[str, msgspec.Meta(max_length=1024)] | None = None
    """Sent as ``Authorization`` with every delivery; never shown again."""
    enabled: bool | None = None
    active: bool | None = None
    """Another name of ``enabled``."""
    secret: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    """Standard Webhooks signing secret, ``whsec_`` and base64 of 24 to 64 bytes; absent: the one
    the webhook has, or a new one."""


class WebhookView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One webhook."""

    type: WebhookType
    url: str
    enabled: bool
    active: bool
    http_auth_header_available: bool
    secret: str | None = None
    """Only in the answer that created it."""


class WebhookList(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The sub-account's webhooks."""

    sub_account_id: str
    count: int
    webhooks: list[WebhookView]
    status_code: int
    status_message: str


class WebhookDeleted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The webhook that is gone."""

    sub_account_id: str
    type: WebhookType
    url: str
    enabled: bool
    http_auth_header_available: bool
    status_code: int
    status_message: str


@get(
    "/",
    operation_id="listWebhooks",
    summary="List the webhooks",
    guards=[needs(Scope.SETTINGS_READ)],
)
async def list_webhooks(caller: NamedDependency[Caller]) -> WebhookList:
    """At most one of each type."""
    return _list(caller.sub_account)


@post(
    "/",
    status_code=200,
    operation_id="putWebhook",
    summary="Create a webhook, or replace the one of its type",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def put_webhook(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], data: JSONBody[WebhookRequest]
) -> WebhookList:
    """The answer lists all of them; a signing secret made here is shown in it, once."""
    problem = await deps.webhook_url_problem(data.url)
    if problem is not None:
        raise Refused(INVALID, f"url: {problem}")
    header = data.http_auth_header or None
    if header is not None and not (header.isascii() and header.isprintable()):
        raise Refused(INVALID, "httpAuthHeader: may hold visible ASCII characters and blanks only")
    existing = caller.sub_account.webhooks.get(data.type)
    secret, shown = _secret(data.secret, existing)
    flags = [flag for flag in (data.enabled, data.active) if flag is not None]
    webhook = Webhook(
        type=data.type,
        url=data.url,
        enabled=flags[0] if flags else True,
        http_auth_header=header,
        secret=secret,
    )
    sub_account_id = caller.sub_account.sub_account_id
    await deps.store.put_webhook(sub_account_id, webhook)
    await tenancy_changed(deps)
    changed = deps.directory.sub_account(sub_account_id) or caller.sub_account
    return _list(changed, created=webhook.type, shown_secret=shown)


@delete(
    "/{type:str}",
    status_code=200,
    operation_id="deleteWebhook",
    responses=CONFLICTS,
    summary="Delete the webhook of a type",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def delete_webhook(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    type_: Annotated[WebhookType, PathParameter(name="type")],
) -> WebhookDeleted:
    """404 where there is none; 409 for one that only the operator's file can remove."""
    webhook = caller.sub_account.webhooks.get(type_)
    if webhook is None:
        raise Refused(NOT_FOUND, f"No {type_} webhook")
    if not await deps.store.delete_webhook(caller.sub_account.sub_account_id, type_):
        raise Refused(CONFLICT, f"The {type_} webhook is part of the operator's configuration")
    await tenancy_changed(deps)
    return WebhookDeleted(
        sub_account_id=caller.sub_account.sub_account_id,
        type=type_,
        url=shown_url(webhook.url),
        enabled=webhook.enabled,
        http_auth_header_available=webhook.http_auth_header is not None,
        status_code=OK_CODE,
        status_message="deleted",
    )


def _secret(given: str | None, existing: Webhook | None) -> tuple[str, str | None]:
    """The signing secret to store, and the one to show: only a newly made one is."""
    if given is not None:
        try:
            secret_key(given)
        except BadSecret:
            message = "secret: must be whsec_ and the base64 of 24 to 64 bytes"
            raise Refused(INVALID, message) from None
        return given, None
    if existing is not None and existing.secret is not None:
        return existing.secret, None
    made = new_secret()
    return made, made


def _list(
    sub_account: SubAccount,
    *,
    created: WebhookType | None = None,
    shown_secret: str | None = None,
) -> WebhookList:
    webhooks = sorted(sub_account.webhooks.values(), key=lambda webhook: webhook.type)
    return WebhookList(
        sub_account_id=sub_account.sub_account_id,
        count=len(webhooks),
        webhooks=[
            WebhookView(
                type=webhook.type,
                url=shown_url(webhook.url),
                enabled=webhook.enabled,
                active=webhook.enabled,
                http_auth_header_available=webhook.http_auth_header is not None,
                secret=shown_secret if webhook.type is created else None,
            )
            for webhook in webhooks
        ],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


router = Router(
    "/webhooks", route_handlers=[list_webhooks, put_webhook, delete_webhook], tags=["Webhooks"]
)
