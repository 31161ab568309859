"""``/webhooks``: the URLs for a sub-account's events. Secrets are stored and never shown again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook.clock import iso_seconds
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.params import CONFLICTS, needs, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE
from offhook.net.shown_url import shown_url
from offhook.session.scopes import Scope
from offhook.session.tenancy import SubAccount, Webhook, WebhookType
from offhook.webhook_secrets import BadSecret, new_secret, secret_key

LONGEST_OVERLAP = 30 * 86_400
"""Seconds for which two secrets may be valid."""


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
    fallback_url: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    """VCA: asked where ``url`` does not answer within 6 s; it has the rest of the 10 s."""


class SecretRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A new signing secret."""

    secret: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    """``whsec_`` and base64 of 24 to 64 bytes; absent: one is made."""
    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_OVERLAP)] = 86_400
    """How long deliveries are signed with the old one as well."""


class SecretAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The secret that deliveries are signed with from now on."""

    type: WebhookType
    secret: str
    """Shown in this answer only."""
    previous_secret_until: str | None = None
    """Until then each delivery has a second signature, made with the old secret."""
    status_code: int
    status_message: str


class WebhookView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One webhook."""

    type: WebhookType
    url: str
    enabled: bool
    active: bool
    http_auth_header_available: bool
    fallback_url: str | None = None
    """VCA: asked where ``url`` does not answer."""
    previous_secret_until: str | None = None
    """Until then deliveries are signed with the replaced secret as well."""
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
    await _check_urls(deps, data)
    header = data.http_auth_header or None
    if header is not None and not (header.isascii() and header.isprintable()):
        raise Refused(INVALID, "httpAuthHeader: may hold visible ASCII characters and blanks only")
    existing = caller.sub_account.webhooks.get(data.type)
    secret, shown = _secret(data.secret, existing)
    kept = existing if data.secret is None else None
    flags = [flag for flag in (data.enabled, data.active) if flag is not None]
    webhook = Webhook(
        type=data.type,
        url=data.url,
        enabled=flags[0] if flags else True,
        http_auth_header=header,
        secret=secret,
        previous_secret=kept.previous_secret if kept is not None else None,
        previous_until=kept.previous_until if kept is not None else None,
        fallback_url=data.fallback_url,
    )
    sub_account_id = caller.sub_account.sub_account_id
    await deps.store.put_webhook(sub_account_id, webhook)
    await tenancy_changed(deps)
    changed = deps.directory.sub_account(sub_account_id) or caller.sub_account
    return _list(changed, created=webhook.type, shown_secret=shown)


@post(
    "/{type:str}/secret",
    status_code=200,
    operation_id="rotateWebhookSecret",
    summary="Replace the signing secret; both are valid for a time",
    guards=[needs(Scope.SETTINGS_WRITE)],
)
async def rotate_secret(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    type_: Annotated[WebhookType, PathParameter(name="type")],
    data: JSONBody[SecretRequest],
) -> SecretAnswer:
    """Every delivery then has two signatures, so that a receiver can change its secret at any moment."""
    webhook = caller.sub_account.webhooks.get(type_)
    if webhook is None:
        raise Refused(NOT_FOUND, f"No {type_} webhook")
    secret = new_secret() if data.secret is None else _checked(data.secret)
    overlaps = webhook.secret is not None and data.overlap_seconds > 0
    until = deps.clock.now() + timedelta(seconds=data.overlap_seconds) if overlaps else None
    rotated = msgspec.structs.replace(
        webhook,
        secret=secret,
        previous_secret=webhook.secret if overlaps else None,
        previous_until=until,
    )
    await deps.store.put_webhook(caller.sub_account.sub_account_id, rotated)
    await tenancy_changed(deps)
    return SecretAnswer(
        type=type_,
        secret=secret,
        previous_secret_until=_time(until),
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


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


async def _check_urls(deps: Deps, data: WebhookRequest) -> None:
    """Refuse URLs that may not be requested, and a fallback of what is not asked for decisions."""
    if data.fallback_url is not None and data.type is not WebhookType.VCA:
        raise Refused(INVALID, "fallbackUrl: only a VCA webhook has one")
    for name, url in (("url", data.url), ("fallbackUrl", data.fallback_url)):
        problem = None if url is None else await deps.webhook_url_problem(url)
        if problem is not None:
            raise Refused(INVALID, f"{name}: {problem}")


def _checked(secret: str) -> str:
    """``secret``. Raises a 422 :class:`.Refused` for one that nothing can be signed with."""
    try:
        secret_key(secret)
    except BadSecret:
        message = "secret: must be whsec_ and the base64 of 24 to 64 bytes"
        raise Refused(INVALID, message) from None
    return secret


def _secret(given: str | None, existing: Webhook | None) -> tuple[str, str | None]:
    """The signing secret to store, and the one to show: only a newly made one is."""
    if given is not None:
        return _checked(given), None
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
                fallback_url=None
                if webhook.fallback_url is None
                else shown_url(webhook.fallback_url),
                previous_secret_until=_time(webhook.previous_until),
                secret=shown_secret if webhook.type is created else None,
            )
            for webhook in webhooks
        ],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso_seconds(at)


router = Router(
    "/webhooks",
    route_handlers=[list_webhooks, put_webhook, rotate_secret, delete_webhook],
    tags=["Webhooks"],
)
