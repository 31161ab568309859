"""v1.1 requests: the call's numbers are in the action itself, and there is no makeCall.

Interpretations of ``spec/status-codes.md``, "v1.1 requests":

* It is one when its first action is say, playFile or sayAndCapture (by any of its spellings) with a
  ``destination`` that is not null. executeScenario is not: there it is the scenario's parameter.
* The first action needs a ``source`` too; later ones may repeat both, and are judged if they do.
* In sayAndCapture ``text`` and ``endMessage`` count where they are present, else ``promptMessage`` and
  ``successMessage``; a missing member is reported as ``text``.
* The implied hangup is not added behind one that was sent.
* A decision of the VCA webhook is never one: there the call exists already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from offhook.flow import table
from offhook.flow.actions import AnyAction, Hangup, MakeCall, PlayFile, Say, SayAndCapture

_OLDER_NAMES: Mapping[str, dict[str, str]] = {
    "promptMessage": {"name": "text", "alias": "promptMessage"},
    "successMessage": {"name": "endMessage", "alias": "successMessage"},
}


def _row(row: table.ActionRow) -> table.ActionRow:
    numbers = (
        msgspec.structs.replace(table.SOURCE, required=False),
        msgspec.structs.replace(table.DESTINATION, required=False),
    )
    params = (msgspec.structs.replace(p, **_OLDER_NAMES.get(p.name, {})) for p in row.params)
    return msgspec.structs.replace(row, params=(*numbers, *params), also_checked=())


_LATER: Mapping[str, table.ActionRow] = {
    row.name: _row(row) for row in table.ROWS if row.type in (Say, SayAndCapture, PlayFile)
}
_FIRST: Mapping[str, table.ActionRow] = {
    name: msgspec.structs.replace(row, params=(table.SOURCE, *row.params[1:]))
    for name, row in _LATER.items()
}


def row_of(row: table.ActionRow, index: int) -> table.ActionRow:
    """What the action at ``index`` of a v1.1 request takes."""
    return (_LATER if index else _FIRST).get(row.name, row)


def may_begin(row: table.ActionRow) -> bool:
    """Whether a v1.1 request may begin with this action."""
    return row.name in _FIRST


def begins(elements: Sequence[object]) -> bool:
    """Whether the elements of ``callflow`` are a v1.1 request."""
    first = elements[0] if elements else None
    if not isinstance(first, dict):
        return False
    action, params = first.get("action"), first.get("params")
    row = table.BY_NAME.get(action) if isinstance(action, str) else None
    return (
        row is not None
        and may_begin(row)
        and isinstance(params, dict)
        and params.get("destination") is not None
    )


def with_call(call: MakeCall, actions: Sequence[AnyAction]) -> tuple[AnyAction, ...]:
    """What a v1.1 request means: the call, its actions, and a hangup."""
    end = () if actions and isinstance(actions[-1], Hangup) else (Hangup(),)
    return (call, *actions, *end)
