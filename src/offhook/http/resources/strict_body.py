"""Request bodies of the typed routes, judged strictly: ``"1"`` is no number and ``0`` is not false.

The framework converts bodies as leniently as queries. This runs before it, with the type the route
declares, and names the member that does not fit.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar.exceptions import InternalServerException

from offhook.http.edge.body import ClientGone
from offhook.http.refusals import INVALID, INVALID_JSON, Refused
from offhook.http.resources.choices import in_words
from offhook.http.resources.params import AnyRequest

_MISSING = re.compile(r"Object missing required field `(.*)`")
MISSING = "is missing but it is required"


async def strict_body(request: AnyRequest) -> None:
    """For the application's ``before_request``.

    Raises a :class:`.Refused` (400 for what is no JSON, 422 for what does not fit) or
    :class:`ClientGone`.
    """
    declared = request.route_handler.parsed_fn_signature.parameters.get("data")
    if declared is None:
        return
    try:
        body = await request.body()
    except InternalServerException:  # the framework raises this when the client has gone
        raise ClientGone from None
    if not body and declared.has_default:
        return
    if not body:
        raise Refused(INVALID, f"body: {MISSING}")
    try:
        msgspec.json.decode(body, type=declared.annotation, strict=True)
    except msgspec.ValidationError as error:
        raise Refused(INVALID, explain(str(error), declared.annotation)) from None
    except (msgspec.DecodeError, RecursionError):
        raise Refused(INVALID_JSON) from None


def explain(message: str, annotation: Any) -> str:
    """``Expected `int`, got `str` - at `$.a[0].b``` becomes ``a[0].b: Expected `int`, got `str```."""
    what, separator, path = message.rpartition(" - at `$")
    if not separator:
        what, path = message, ""
    path = path.removesuffix("`").removeprefix(".")
    missing = _MISSING.fullmatch(what)
    if missing is not None:
        return f"{path}{'.' if path else ''}{missing[1]}: {MISSING}"
    return f"{path or 'body'}: {in_words(what, annotation, path)}"
