"""Pages from templates: what they share, the filters, and the headers that keep a browser strict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import Response
from markupsafe import Markup

from offhook import __version__
from offhook.clock import iso_milliseconds
from offhook.console.outcomes import Tone, tone_of
from offhook.console.web import WebRequest, asked, theme_of, to

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Nothing from elsewhere, no script and no style within a page, nowhere within a frame."""
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(self)",
}

STATIC = frozenset(
    {
        *("console.css", "console.js", "live.js", "session.js", "mark.svg"),
        *("playground.js", "playground_parts.js", "hand.js", "phone.js"),
    }
)
"""The files of the pages."""
NONE = "\N{EN DASH}"
"""Stands where there is nothing to show."""


def page(
    request: WebRequest, template: str, *, status: int = 200, **values: object
) -> Response[bytes]:
    """An answer with a page."""
    visitor = getattr(request.state, "visitor", None)
    shared = {
        "visitor": visitor,
        "theme": theme_of(request),
        "version": __version__,
        "here": request.url.path,
        "base": f"{request.url.scheme}://{request.url.netloc}",
        "account": asked(request, "account"),
        "notice": None,
        "query": request.query_params,
    }
    text = environment().get_template(template).render({**shared, **values})
    return Response(text.encode(), status_code=status, media_type="text/html", headers=HEADERS)


def data(value: object, *, status: int = 200) -> Response[bytes]:
    """An answer with JSON for a script of the console."""
    return Response(
        msgspec.json.encode(value),
        status_code=status,
        media_type="application/json",
        headers={**HEADERS},
    )


@cache
def environment() -> Environment:
    """The templates; everything that is put in is escaped."""
    made = Environment(
        loader=PackageLoader("offhook.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "time": time_tag,
        "clock": lambda at: time_tag(at, short=True),
        "span": span,
        "kind": tone_of,
        "state": state_tag,
        "iso": iso_milliseconds,
        "pretty": pretty,
        "apitime": api_time,
        "compact": lambda value: msgspec.json.encode(value).decode(),
        "json": lambda value: pretty(msgspec.json.encode(value)),
        "words": words,
    }
    made.globals.update(static=static_url, to=to)
    return made


def static_url(name: str) -> str:
    """The address of a file of the console, which changes with the content of any.

    The mark of the content is a part of the path, so that a script that imports another by a relative address
    gets the one that the page has loaded, and not a second one that runs again.
    """
    return f"/console/static/{static_digest()}/{name}"


@cache
def static_file(name: str) -> bytes:
    """The content of a file below ``static``."""
    return files("offhook.console").joinpath("static", name).read_bytes()


@cache
def static_digest() -> str:
    """A few letters that stand for the content of all files."""
    return hashlib.sha256(b"".join(static_file(name) for name in sorted(STATIC))).hexdigest()[:12]


def time_tag(at: datetime | None, *, short: bool = False) -> Markup | str:
    """A time, in UTC until the script writes it in the reader's zone."""
    if at is None:
        return NONE
    utc = at.astimezone(UTC)
    shown = f"{utc:%H:%M:%S}" if short else f"{utc:%Y-%m-%d %H:%M:%S}"
    form = "clock" if short else "full"
    return Markup(
        '<time datetime="{}" title="{:%Y-%m-%d %H:%M:%S.%f} UTC" data-form="{}">{}</time>'
    ).format(iso_milliseconds(utc), utc, form, shown)


def api_time(text: str | None) -> Markup | str:
    """A time as the API writes it; '' where there is none."""
    if not text:
        return ""
    try:
        return time_tag(datetime.fromisoformat(text))
    except ValueError:
        return text


def span(length: timedelta | float | None) -> str:
    """A length of time for people: ``0.4 s``, ``12 s``, ``3:05``, ``1:00:00``."""
    if length is None:
        return NONE
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def words(name: str) -> str:
    """``NO_ANSWER`` as people write it: ``No answer``."""
    return name.replace("_", " ").replace("-", " ").capitalize()


SHAPES: Mapping[Tone, str] = {
    Tone.GOING: "▶",
    Tone.GOOD: "✓",
    Tone.REFUSED: "⊘",
    Tone.FAILED: "✕",
}
"""Beside the colour of a state."""


def state_tag(status: str) -> Markup:
    """A status with the colour and the shape of its kind."""
    kind = tone_of(status)
    return Markup('<span class="state {}"><span aria-hidden="true">{}</span> {}</span>').format(
        kind.value, SHAPES[kind], words(status)
    )


def pretty(text: bytes | str) -> str:
    """JSON with line breaks; what is no JSON as it is. At most 256 KiB are shown."""
    raw = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        return msgspec.json.format(raw, indent=2).decode("utf-8", "replace")[: 1 << 18]
    except msgspec.DecodeError:
        return raw.decode("utf-8", "replace")[: 1 << 18]
