"""Webhooks: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet
from offhook.client.types.session_types import DeliveryView

__all__ = [
    "DeliveryList",
    "ListedState",
    "Redelivered",
    "SecretAnswer",
    "WebhookDeleted",
    "WebhookList",
    "WebhookType",
    "WebhookView",
]


class WebhookType(OpenSet):
    """The five webhook types (``spec/webhooks.md``)."""

    VCA = "VCA"
    VCS = "VCS"
    VSS = "VSS"
    VRU = "VRU"
    VNU = "VNU"


class WebhookView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One webhook."""

    type: WebhookType
    """The webhook's type."""
    url: str
    """Where it goes; a password in it is shown as ``***``."""
    enabled: bool
    """Whether events are sent."""
    active: bool
    """The same as ``enabled``."""
    http_auth_header_available: bool
    """Whether an ``Authorization`` header is sent; it is never shown."""
    fallback_url: str | None = None
    """VCA: asked where ``url`` does not answer."""
    previous_secret_until: str | None = None
    """Until then deliveries are signed with the replaced secret as well."""
    secret: str | None = None
    """Only in the answer that created it."""


class WebhookList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The sub-account's webhooks."""

    sub_account_id: str
    """The sub-account's id."""
    count: int
    """How many there are."""
    webhooks: list[WebhookView]
    """The webhooks."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class SecretAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The secret that deliveries are signed with from now on."""

    type: WebhookType
    """The webhook's type."""
    secret: str
    """Shown in this answer only."""
    previous_secret_until: str | None = None
    """Until then each delivery has a second signature, made with the old secret."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class WebhookDeleted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The webhook that is gone."""

    sub_account_id: str
    """The sub-account's id."""
    type: WebhookType
    """The webhook's type."""
    url: str
    """Where it goes; a password in it is shown as ``***``."""
    enabled: bool
    """Whether events are sent."""
    http_auth_header_available: bool
    """Whether an ``Authorization`` header is sent; it is never shown."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class DeliveryList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A page of deliveries, newest first."""

    deliveries: list[DeliveryView]
    """Each with its attempts and the payload as sent."""
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class ListedState(OpenSet):
    """Which deliveries are listed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


class Redelivered(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A delivery that is due again."""

    delivery_id: str
    """The delivery's id."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
