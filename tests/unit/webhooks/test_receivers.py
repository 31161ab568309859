"""Where webhooks may go, and what the operator and the customer are told."""

from __future__ import annotations

import pytest

from offhook import config
from offhook.config.file import embedded
from offhook.webhooks.receivers import open_client, url_problem

OTHER = config.Config(subaccounts=(config.SubAccountSection(id="acme", account="a"),))
PRIVATE = config.Config(webhooks=config.Webhooks(allow_private=True))
NO_HTTP = config.Config(webhooks=config.Webhooks(allow_http=False))


async def problem(settings: config.Config, url: str) -> str | None:
    client = open_client(settings, connections_per_host=1)
    try:
        return await url_problem(client, url)
    finally:
        await client.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/vca", "http://[::1]/vca"])
async def test_a_receiver_on_loopback_is_for_embedded_defaults_or_where_it_is_allowed(
    url: str,
) -> None:
    assert await problem(embedded(), url) is None
    assert await problem(PRIVATE, url) is None
    assert "[webhooks] allow_private = true" in (await problem(OTHER, url) or "")


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/", "http://[fd00::1]/"],
)
async def test_embedded_defaults_open_no_private_network(url: str) -> None:
    assert "[webhooks] allow_private = true" in (await problem(embedded(), url) or "")
    assert await problem(PRIVATE, url) is None


async def test_http_that_is_not_allowed_names_its_setting() -> None:
    assert "[webhooks] allow_http = true" in (await problem(NO_HTTP, "http://a.example/") or "")


async def test_a_literal_address_is_judged_without_looking_anything_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("offhook.net.http_client._LOOKUP_TIMEOUT", 0.0)
    assert "allow_private" in (await problem(OTHER, "http://10.0.0.1/") or "")
