"""The first reading of a request: identifies the actions, and finds every -1007 and -1009.

Interpretations of ``spec/status-codes.md``:

* The problems of the top level (``callflow``, ``validUntil``, ``clientActionId``,
  ``clientRequestId``, ``clientBatchId``) come before those of the actions, -1007 included.
* ``clientActionId`` belongs to decisions: in a submitted request it is ignored.
* null is absent, in members; in the ``callflow`` array it is an element that is no object.
* An action that has no known name may have any params, but they are still an object.
* Where ``params`` is missing or no object, its members are not judged: one problem.
* A list of far too many actions is always -1010. Only the first :data:`MOST_JUDGED` of them are judged
one by one, so that a hostile list cannot occupy the server.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec

from offhook.codes import StatusCode
from offhook.flow import kinds, legacy, table
from offhook.flow.problems import Mode, Problem, entry_problem, problem

_T = TypeVar("_T")

MOST_JUDGED = 200
"""Actions judged one by one: four times as many as a callflow may have."""


class Draft(msgspec.Struct):
    """One element of ``callflow``, as far as it could be read."""

    index: int
    row: table.ActionRow | None = None
    """None: it is no object, or names no action."""
    params: dict[str, object] | None = None
    """The params as sent, without nulls; None: missing, or no object."""
    values: dict[str, object] = msgspec.field(default_factory=dict)
    """The values of the right type, by the action's field names."""

    @property
    def path(self) -> str:
        """JSONPath of the element."""
        return f"$.callflow[{self.index}]"

    def param(self, name: str) -> str:
        """JSONPath of a member of ``params``."""
        return f"$.callflow[{self.index}].params.{name}"

    def is_a(self, name: str) -> bool:
        """Whether the element is this action, by its canonical name."""
        return self.row is not None and self.row.name == name

    def given(self, name: str) -> bool:
        """Whether a member of ``params`` is there and not null."""
        return self.params is not None and name in self.params

    def integer(self, field: str) -> int | None:
        """The value of a field, if it is an integer."""
        value = self.values.get(field)
        return value if isinstance(value, int) else None

    def text(self, field: str) -> str | None:
        """The value of a field, if it is a string."""
        value = self.values.get(field)
        return value if isinstance(value, str) else None


class ShapedRequest(msgspec.Struct):
    """The result of the first reading of a request."""

    drafts: list[Draft]
    count: int
    """Elements in ``callflow``, those not judged one by one included."""
    legacy: bool = False
    valid_until: datetime | None = None
    valid_until_text: str | None = None
    client_action_id: str | None = None
    client_request_id: str | None = None
    client_batch_id: str | None = None


_VALID_UNTIL = kinds.DateTime()
_CLIENT_ID = kinds.Text(255, 1)


def read(body: dict[str, object], mode: Mode, problems: list[Problem]) -> ShapedRequest:
    """Read a request; what is wrong with its shape is appended to ``problems``, in order."""
    elements = _callflow(body, mode, problems)
    decision = mode is Mode.DECISION
    request = ShapedRequest(
        drafts=[],
        count=len(elements),
        valid_until=_top_level(body, "validUntil", _VALID_UNTIL, datetime, problems),
        client_action_id=_top_level(body, "clientActionId", _CLIENT_ID, str, problems)
        if decision
        else None,
        client_request_id=_top_level(body, "clientRequestId", _CLIENT_ID, str, problems),
        client_batch_id=_top_level(body, "clientBatchId", _CLIENT_ID, str, problems),
    )
    if request.valid_until is not None:
        request.valid_until_text = str(body["validUntil"])
    request.legacy = not decision and legacy.begins(elements)
    for index, element in enumerate(elements[:MOST_JUDGED]):
        request.drafts.append(_element(index, element, request.legacy, problems))
    return request


def _callflow(body: dict[str, object], mode: Mode, problems: list[Problem]) -> list[object]:
    callflow = body.get("callflow")
    if isinstance(callflow, list):
        if not callflow and mode is Mode.SUBMITTED:
            problems.append(entry_problem("$.callflow", kinds.more_items(1)))
        return callflow
    if callflow is not None:
        problems.append(entry_problem("$.callflow", kinds.found_instead(callflow, "array")))
    elif mode is Mode.SUBMITTED:
        problems.append(entry_problem("$.callflow", kinds.MISSING))
    return []


def _top_level(
    body: dict[str, object], name: str, kind: kinds.Kind, type_: type[_T], problems: list[Problem]
) -> _T | None:
    value = body.get(name)
    if value is None:
        return None
    wrong: list[str] = []
    result = kind.read(value, wrong)
    problems += [entry_problem(f"$.{name}", what) for what in wrong]
    return result if isinstance(result, type_) and not wrong else None


def _element(index: int, element: object, is_legacy: bool, problems: list[Problem]) -> Draft:
    draft = Draft(index)
    if not isinstance(element, dict):
        problems.append(entry_problem(draft.path, kinds.found_instead(element, "object")))
        return draft
    action = element.get("action")
    if isinstance(action, str):
        row = table.BY_NAME.get(action)
        if row is not None:
            draft.row = legacy.row_of(row, index) if is_legacy else row
        else:
            problems.append(problem(StatusCode.INVALID_ACTION, f"{draft.path}.action"))
    else:
        what = kinds.MISSING if action is None else kinds.found_instead(action, "string")
        problems.append(entry_problem(f"{draft.path}.action", what))
    _params(draft, element.get("params"), problems)
    return draft


def _params(draft: Draft, params: object, problems: list[Problem]) -> None:
    row = draft.row
    if isinstance(params, dict):
        draft.params = {k: v for k, v in params.items() if v is not None}
        if row is not None:
            _members(draft, draft.params, row, problems)
    elif params is not None:
        problems.append(
            entry_problem(f"{draft.path}.params", kinds.found_instead(params, "object"))
        )
    elif row is not None and row.params_required:
        problems.append(entry_problem(f"{draft.path}.params", kinds.MISSING))


def _members(
    draft: Draft, params: dict[str, object], row: table.ActionRow, problems: list[Problem]
) -> None:
    wrong: list[str] = []
    for param in row.params:
        name = param.name
        value = params.get(name)
        if value is None and param.alias in params:
            name, value = param.alias, params[param.alias]
        if value is None:
            if param.required and (param.unless is None or param.unless not in params):
                problems.append(entry_problem(draft.param(name), kinds.MISSING))
            continue
        result = param.kind.read(value, wrong)
        if result is not None:
            draft.values[param.field] = result
            if wrong and param.range_elsewhere is not None and param.range_elsewhere(params):
                wrong.clear()
        if wrong:
            problems += [entry_problem(draft.param(name), what) for what in wrong]
            wrong.clear()
