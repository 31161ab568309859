"""How called persons opt out, as the operator's API takes and shows it (``[subaccounts.opt_out]``)."""

from __future__ import annotations

from offhook import config
from offhook.http.deps import Deps
from offhook.http.refusals import INVALID, Refused
from offhook.http.resources.session_views import View
from offhook.net.shown_url import shown_url
from offhook.session.tenancy import OptOutSettings


class OptOutBody(View, frozen=True, kw_only=True):
    """The key that opts out of voice messages, and what is said about it."""

    key: config.OptOutKey
    """One of `0-9 * #`."""
    prompt: config.SpokenText | None = None
    """Spoken behind the message."""
    confirmation: config.SpokenText | None = None
    """Spoken after the key was pressed."""
    voice_profile: str | None = None
    """Of both texts."""
    language: config.LanguageTag | None = None
    """Of both texts, without `voiceProfile`; absent: `en-US`."""
    webhook: config.HttpUrl | None = None
    """A URL that each number is posted to."""
    http_auth_header: str | None = None
    """Sent as `Authorization` with it; never shown."""
    http_auth_header_available: bool = False
    """Whether there is one; true without `httpAuthHeader` in a request: the stored one stays, if the
    webhook stays."""


async def settings_of(
    deps: Deps, body: OptOutBody | None, before: OptOutSettings | None
) -> OptOutSettings | None:
    """The settings. Raises a 422 :class:`.Refused` for a webhook that leads to a private address."""
    if body is None:
        return None
    if body.webhook is not None:
        problem = await deps.webhook_url_problem(body.webhook)
        if problem is not None:
            raise Refused(INVALID, f"optOut.webhook: {problem}")
    header = body.http_auth_header
    if header is None and body.http_auth_header_available and before is not None:
        same = body.webhook is not None and body.webhook == before.webhook
        header = before.http_auth_header if same else None
    return OptOutSettings(
        key=body.key,
        prompt=body.prompt,
        confirmation=body.confirmation,
        voice_profile=body.voice_profile,
        language=body.language or "en-US",
        webhook=body.webhook,
        http_auth_header=header,
    )


def body_of_settings(settings: OptOutSettings | None) -> OptOutBody | None:
    """The settings as they are shown; a list file of the operator is not."""
    if settings is None:
        return None
    return OptOutBody(
        key=settings.key,
        prompt=settings.prompt,
        confirmation=settings.confirmation,
        voice_profile=settings.voice_profile,
        language=settings.language,
        webhook=shown_url(settings.webhook) if settings.webhook is not None else None,
        http_auth_header_available=settings.http_auth_header is not None,
    )
