"""The callflow of last resort: what a caller hears when the customer's server did not answer.

It speaks and hangs up, and asks nobody anything: its actions are say, playFile and hangup.
"""

from __future__ import annotations

import json

from offhook.flow import jsontext

ALLOWED = frozenset({"say", "playFile", "hangup"})
MOST_ACTIONS = 20


class InvalidLastResort(Exception):
    """A document that is no callflow of last resort; the text begins with the path of the mistake."""


def read_last_resort(document: object) -> str:
    """The JSON of the callflow in ``{"callflow": […]}``. Raises :class:`InvalidLastResort`."""
    if not isinstance(document, dict):
        raise InvalidLastResort("$: must be an object")
    actions = document.get("callflow")
    if not isinstance(actions, list) or not 1 <= len(actions) <= MOST_ACTIONS:
        raise InvalidLastResort(f"callflow: must be an array of 1 to {MOST_ACTIONS} actions")
    for index, action in enumerate(actions):
        name = action.get("action") if isinstance(action, dict) else None
        if name not in ALLOWED:
            raise InvalidLastResort(f"callflow[{index}].action: must be say, playFile or hangup")
    return json.dumps({"callflow": actions}, ensure_ascii=False)


def last_resort_of_text(text: str) -> str:
    """The same, of a file. Raises :class:`InvalidLastResort`."""
    try:
        document = jsontext.decode(text.encode("utf-8", "surrogatepass"))
    except jsontext.InvalidJson as error:
        raise InvalidLastResort(f"$: not JSON: {error}") from None
    return read_last_resort(document)


def document_of_last_resort(text: str) -> dict[str, object]:
    """The inverse of :func:`read_last_resort`."""
    document: dict[str, object] = json.loads(text)
    return document
