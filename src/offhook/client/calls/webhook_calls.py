"""Webhooks: its operations as methods. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from offhook.client.sending import AsyncSender, Sender
from offhook.client.types import (
    DeliveryList,
    DeliveryView,
    Redelivered,
    SecretAnswer,
    WebhookDeleted,
    WebhookList,
)


class WebhookCalls(Sender):
    """Webhooks."""

    def list_webhooks(self) -> WebhookList:
        """List the webhooks."""
        return self._send("GET", "/api/v1/subaccounts/{subAccountId}/webhooks", WebhookList)

    def put_webhook(
        self,
        *,
        type: str,
        url: str,
        http_auth_header: str | None = None,
        enabled: bool | None = None,
        active: bool | None = None,
        secret: str | None = None,
        fallback_url: str | None = None,
    ) -> WebhookList:
        """Create a webhook, or replace the one of its type.

        ``type``: The webhook's type.
        ``url``: Where it goes; a password in it is shown as ``***``.
        ``http_auth_header``: Sent as ``Authorization`` with every delivery; never shown again.
        ``enabled``: Whether events are sent.
        ``active``: Another name of ``enabled``.
        ``secret``: Standard Webhooks signing secret, ``whsec_`` and base64 of 24 to 64 bytes;
            absent: the one the webhook has, or a new one.
        ``fallback_url``: VCA: asked where ``url`` does not answer within 6 s; it has the rest of
            the 10 s.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/webhooks",
            WebhookList,
            body={
                "type": type,
                "url": url,
                "httpAuthHeader": http_auth_header,
                "enabled": enabled,
                "active": active,
                "secret": secret,
                "fallbackUrl": fallback_url,
            },
        )

    def rotate_webhook_secret(
        self, type: str, *, secret: str | None = None, overlap_seconds: int | None = None
    ) -> SecretAnswer:
        """Replace the signing secret; both are valid for a time.

        ``type``: The five webhook types (````spec/webhooks.md````).
        ``secret``: ``whsec_`` and base64 of 24 to 64 bytes; absent: one is made.
        ``overlap_seconds``: How long deliveries are signed with the old one as well.
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}/secret",
            SecretAnswer,
            names={"type": type},
            body={"secret": secret, "overlapSeconds": overlap_seconds},
        )

    def delete_webhook(self, type: str) -> WebhookDeleted:
        """Delete the webhook of a type.

        ``type``: The five webhook types (````spec/webhooks.md````).
        """
        return self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}",
            WebhookDeleted,
            names={"type": type},
        )

    def list_deliveries(
        self,
        type: str,
        *,
        state: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> DeliveryList:
        """List the deliveries of a webhook type, newest first.

        ``type``: The five webhook types (````spec/webhooks.md````).
        """
        return self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}/deliveries",
            DeliveryList,
            names={"type": type},
            query={"state": state, "cursor": cursor, "limit": limit},
        )

    def iter_deliveries(
        self, type: str, *, state: str | None = None, limit: int | None = None
    ) -> Iterator[DeliveryView]:
        """All of :meth:`list_deliveries`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_deliveries(type, state=state, cursor=cursor, limit=limit),
            lambda page: page.deliveries,
        )

    def redeliver(self, type: str, delivery_id: str) -> Redelivered:
        """Send a delivery again, whatever became of it.

        ``type``: The five webhook types (````spec/webhooks.md````).
        """
        return self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}/deliveries/{deliveryId}/redeliver",
            Redelivered,
            names={"type": type, "deliveryId": delivery_id},
        )


class AsyncWebhookCalls(AsyncSender):
    """Webhooks."""

    async def list_webhooks(self) -> WebhookList:
        """List the webhooks."""
        return await self._send("GET", "/api/v1/subaccounts/{subAccountId}/webhooks", WebhookList)

    async def put_webhook(
        self,
        *,
        type: str,
        url: str,
        http_auth_header: str | None = None,
        enabled: bool | None = None,
        active: bool | None = None,
        secret: str | None = None,
        fallback_url: str | None = None,
    ) -> WebhookList:
        """Create a webhook, or replace the one of its type.

        ``type``: The webhook's type.
        ``url``: Where it goes; a password in it is shown as ``***``.
        ``http_auth_header``: Sent as ``Authorization`` with every delivery; never shown again.
        ``enabled``: Whether events are sent.
        ``active``: Another name of ``enabled``.
        ``secret``: Standard Webhooks signing secret, ``whsec_`` and base64 of 24 to 64 bytes;
            absent: the one the webhook has, or a new one.
        ``fallback_url``: VCA: asked where ``url`` does not answer within 6 s; it has the rest of
            the 10 s.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/webhooks",
            WebhookList,
            body={
                "type": type,
                "url": url,
                "httpAuthHeader": http_auth_header,
                "enabled": enabled,
                "active": active,
                "secret": secret,
                "fallbackUrl": fallback_url,
            },
        )

    async def rotate_webhook_secret(
        self, type: str, *, secret: str | None = None, overlap_seconds: int | None = None
    ) -> SecretAnswer:
        """Replace the signing secret; both are valid for a time.

        ``type``: The five webhook types (````spec/webhooks.md````).
        ``secret``: ``whsec_`` and base64 of 24 to 64 bytes; absent: one is made.
        ``overlap_seconds``: How long deliveries are signed with the old one as well.
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}/secret",
            SecretAnswer,
            names={"type": type},
            body={"secret": secret, "overlapSeconds": overlap_seconds},
        )

    async def delete_webhook(self, type: str) -> WebhookDeleted:
        """Delete the webhook of a type.

        ``type``: The five webhook types (````spec/webhooks.md````).
        """
        return await self._send(
            "DELETE",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}",
            WebhookDeleted,
            names={"type": type},
        )

    async def list_deliveries(
        self,
        type: str,
        *,
        state: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> DeliveryList:
        """List the deliveries of a webhook type, newest first.

        ``type``: The five webhook types (````spec/webhooks.md````).
        """
        return await self._send(
            "GET",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}/deliveries",
            DeliveryList,
            names={"type": type},
            query={"state": state, "cursor": cursor, "limit": limit},
        )

    def iter_deliveries(
        self, type: str, *, state: str | None = None, limit: int | None = None
    ) -> AsyncIterator[DeliveryView]:
        """All of :meth:`list_deliveries`, asked for page by page; ``limit``: of one page."""
        return self._pages(
            lambda cursor: self.list_deliveries(type, state=state, cursor=cursor, limit=limit),
            lambda page: page.deliveries,
        )

    async def redeliver(self, type: str, delivery_id: str) -> Redelivered:
        """Send a delivery again, whatever became of it.

        ``type``: The five webhook types (````spec/webhooks.md````).
        """
        return await self._send(
            "POST",
            "/api/v1/subaccounts/{subAccountId}/webhooks/{type}/deliveries/{deliveryId}/redeliver",
            Redelivered,
            names={"type": type, "deliveryId": delivery_id},
        )
