"""Every path the server knows, matched in one place.

The layers behind ask :func:`place_of` once per request and pass the :class:`ResourcePlace` on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

V1 = "/api/v1/"
API_PREFIX = V1 + "subaccounts/"
ADMIN_PREFIX = "/admin/v1"
CODE_PAGES = "/docs/codes"
"""The beginning of ``errors[].help`` of a rejected callflow."""
CALLFLOW_SCHEMA = "/docs/callflow.schema.json"

DOCS_FILES = "/docs/ui/"
DOCS_NAMES = frozenset({"start.js", "swagger-ui-bundle.js", "swagger-ui.css"})
"""The files that the page at ``/docs`` loads."""

RECORDING_FILES = "/recordings/"
"""The beginning of signed links to recordings."""

CONSOLE = "/console"
SIGN_IN = "/console/sign-in"

RESOURCES = frozenset(
    {
        "calls",
        "callflows",
        "campaigns",
        "media",
        "menus",
        "messages",
        "numbers",
        "recording-push-config",
        "recordings",
        "opt-outs",
        "requests",
        "scenarios",
        "sessions",
        "speech-profiles",
        "webhooks",
    }
)
PAGES = frozenset({"/", "/docs", "/healthz", "/metrics", "/openapi.json", "/readyz"})
UNKNOWN = "unknown"


class Area(StrEnum):
    """The area of the API, which decides the rules for a request."""

    SUB_ACCOUNT = "sub-account"
    """Below a sub-account: an API key of its account."""
    ADMIN = "admin"
    """The operator's own API: one of the operator's keys."""
    LINK = "link"
    """A secret link below a sub-account, which needs no key."""
    PAGE = "page"
    """A page at the root, which needs no key."""
    CONSOLE = "console"
    """The pages for people, which have sign-ins of their own."""
    UNKNOWN = "unknown"
    """404."""


class CallflowEndpoint(StrEnum):
    """The endpoints that take a callflow."""

    SUBMIT = "submit"
    SUBMIT_CALL = "submit-call"
    """Both ``/calls`` paths: the answer has more members."""
    VALIDATE = "validate"
    REPLACE = "replace"


class ResourcePlace(NamedTuple):
    """The resource of a path."""

    area: Area
    route: str
    """A name from a bounded set, for the metrics."""
    sub_account_id: str = ""
    endpoint: CallflowEndpoint | None = None
    session_id: str = ""
    """The id of the session in which the callflow is replaced."""


def place_of(path: str) -> ResourcePlace:
    """The resource of ``path`` (decoded, without a query)."""
    if path.startswith(V1):
        return _below_v1(path)
    if path == ADMIN_PREFIX or path.startswith(ADMIN_PREFIX + "/"):
        return ResourcePlace(Area.ADMIN, ADMIN_PREFIX)
    if path in PAGES or path == CALLFLOW_SCHEMA:
        return ResourcePlace(Area.PAGE, path)
    if path.startswith(DOCS_FILES) and path[len(DOCS_FILES) :] in DOCS_NAMES:
        return ResourcePlace(Area.PAGE, "/docs")
    if path.startswith(CODE_PAGES + "/"):
        return ResourcePlace(Area.PAGE, CODE_PAGES)
    if path.startswith(RECORDING_FILES):
        return ResourcePlace(Area.PAGE, "/recordings")
    if path == CONSOLE or path.startswith(CONSOLE + "/"):
        return ResourcePlace(Area.CONSOLE, SIGN_IN if path == SIGN_IN else CONSOLE)
    return ResourcePlace(Area.UNKNOWN, UNKNOWN)


def _below_v1(path: str) -> ResourcePlace:
    if path.startswith(API_PREFIX):
        sub_account_id, slash, rest = path[len(API_PREFIX) :].partition("/")
        if slash or sub_account_id != "calls":
            return _below_sub_account(sub_account_id, rest)
    # The oldest path; "subaccounts" may itself be the id of a sub-account.
    sub_account_id, _, rest = path[len(V1) :].partition("/")
    if rest == "calls":
        route = V1 + "{subAccountId}/calls"
        return ResourcePlace(Area.SUB_ACCOUNT, route, sub_account_id, CallflowEndpoint.SUBMIT_CALL)
    return ResourcePlace(Area.UNKNOWN, UNKNOWN)


def _below_sub_account(sub_account_id: str, rest: str) -> ResourcePlace:
    resource, *more = rest.split("/")
    if resource == "messages" and len(more) == 2 and more[0] == "download":
        route = API_PREFIX + "{subAccountId}/messages/download"
        return ResourcePlace(Area.LINK, route, sub_account_id)
    endpoint, session_id = None, ""
    if rest == "callflows":
        endpoint = CallflowEndpoint.SUBMIT
    elif rest == "calls":
        endpoint = CallflowEndpoint.SUBMIT_CALL
    elif rest == "callflows/validate":
        endpoint = CallflowEndpoint.VALIDATE
    elif resource == "sessions" and len(more) == 2 and more[1] == "callflows":
        endpoint, session_id = CallflowEndpoint.REPLACE, more[0]
    route = API_PREFIX + "{subAccountId}/" + (resource if resource in RESOURCES else UNKNOWN)
    return ResourcePlace(Area.SUB_ACCOUNT, route, sub_account_id, endpoint, session_id)
