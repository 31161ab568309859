"""Functions that build the actions of a callflow, one for each action of the document."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from scripts.clients.python_types import HEAD, annotation, snake
from scripts.clients.reading import Json, Member, members, reference

INTRODUCTION = '''
from __future__ import annotations

from typing import NotRequired, TypedDict


class Action(TypedDict):
    """One action: a plain dictionary, as it stands in the JSON of a callflow."""

    action: str
    params: NotRequired[dict[str, object]]


def _action(name: str, /, **params: object) -> Action:
    present = {key: value for key, value in params.items() if value is not None}
    return {"action": name, "params": present} if present else {"action": name}
'''


def actions_file(document: Json) -> str:
    """The text of the module."""
    schemas = document["components"]["schemas"]
    functions = []
    for option in schemas["CallflowAction"]["oneOf"]:
        schema = schemas[reference(option)]
        name = schema["properties"]["action"]["const"]
        params = schemas[reference(schema["properties"]["params"])]
        functions.append(_function(name, schema, list(members(params)), schemas))
    names = sorted(["Action", *(f.split("(")[0].removeprefix("def ") for f in functions)])
    head = HEAD.format(text="The actions of a callflow") + INTRODUCTION
    head = head.replace("class Action", f"__all__ = {names!r}\n\n\nclass Action", 1)
    return head + "\n\n" + "\n\n\n".join(functions) + "\n"


def _function(name: str, schema: Json, params: list[Member], schemas: Json) -> str:
    first = [f"{snake(m.name)}: {_kind(m, schemas)}" for m in params if m.required]
    named = [
        f"{snake(m.name)}: {_kind(m, schemas)} | None = None" for m in params if not m.required
    ]
    given = [f"{m.name}={snake(m.name)}" for m in params]
    if name == "executeScenario":
        first, named = ["scenario_name: str"], ["**parameters: object"]
        given = ["scenarioName=scenario_name", "**parameters"]
        signature = ", ".join([*first, *named])
    else:
        signature = ", ".join([*first, *(["*", *named] if named else [])])
    body = ", ".join([f'"{name}"', *given])
    doc = "\n".join(_doc(schema, params))
    return f"def {snake(name)}({signature}) -> Action:\n{doc}\n    return _action({body})"


def _kind(member: Member, schemas: Json) -> str:
    if member.schema.get("type") == ["string", "integer"]:
        return "str"
    return annotation(member.schema, schemas, given=True)


def _doc(schema: Json, params: list[Member]) -> Iterator[str]:
    about = " ".join(schema.get("description", "").split()).replace("`", "``").rstrip(".") + "."
    lines = textwrap.wrap(about, 94, break_on_hyphens=False)
    yield f'    """{lines[0]}' + ('"""' if len(lines) == 1 and not params else "")
    yield from (f"    {line}" for line in lines[1:])
    if params:
        yield ""
    for member in params:
        limits = _limits(member.schema)
        text = f"``{snake(member.name)}``: {member.text.replace('`', '``').rstrip('.')}{limits}."
        yield from textwrap.wrap(
            text, 100, initial_indent=" " * 4, subsequent_indent=" " * 8, break_on_hyphens=False
        )
    if len(lines) > 1 or params:
        yield '    """'


def _limits(schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" ({low} to {high})"
    longest = schema.get("maxLength")
    return f" (at most {longest} characters)" if longest else ""
