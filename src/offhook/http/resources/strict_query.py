"""Queries of the typed routes, judged strictly: a parameter that is unknown or given twice is 422.

A filter that is misspelled and ignored would show what the caller did not ask for.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from urllib.parse import parse_qsl

from litestar.handlers.base import BaseRouteHandler
from litestar.params import QueryParameter

from offhook.http.refusals import INVALID, Refused
from offhook.http.resources.params import AnyRequest


def strict_query(request: AnyRequest) -> None:
    """Raise a 422 :class:`.Refused` that names every parameter that does not fit."""
    query: bytes = request.scope.get("query_string", b"")
    if not query:
        return
    given = Counter(name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    known = _known(request.route_handler)
    wrong = [f"{name[:64]}: unknown parameter" for name in given if name not in known]
    wrong += [f"{name}: given twice" for name in known if given[name] > 1]
    if wrong:
        raise Refused(INVALID, "; ".join(wrong[:10]))


@cache
def _known(handler: BaseRouteHandler) -> tuple[str, ...]:
    """The names of a route's query parameters on the wire."""
    declared = handler.parsed_fn_signature.parameters.items()
    return tuple(
        field.kwarg_definition.name or name
        for name, field in declared
        if isinstance(field.kwarg_definition, QueryParameter)
    )
