"""The JavaScript client's table of operations, its functions for actions, and its types."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence

from scripts.clients.reading import (
    AnswerForm,
    Json,
    Member,
    Operation,
    choices,
    enumeration,
    grouped_schemas,
    members,
    operations,
    reference,
    without_null,
)

HEAD = "// {text}. Made by `python -m scripts.clients`: do not edit.\n\n"
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}
ANSWERS = {AnswerForm.BYTES: "Uint8Array", AnswerForm.TEXT: "string", AnswerForm.NOTHING: "void"}
LOOSE = frozenset({"createCampaign", "putScenario", "sendCall", "sendOldestCall"})
"""Operations whose callflow is no list of actions: templates, with placeholders anywhere, and v1.1."""


def javascript_files(document: Json) -> Iterator[tuple[str, str]]:
    """Name and text of every generated file."""
    schemas = document["components"]["schemas"]
    every = list(operations(document))
    yield "operations.js", _table(every)
    yield "operations.d.ts", _methods(every, schemas)
    yield "types.d.ts", _types(document)
    yield "actions.js", _actions(schemas)
    yield "actions.d.ts", _action_types(schemas)


# --- operations


def _table(every: Sequence[Operation]) -> str:
    rows = []
    for each in every:
        first = [m.name for m in each.names]
        body = None if each.body is None else [m.name for m in each.body]
        if body is not None and "callflow" in body and _has_callflow(each):
            first.append("callflow")
        row = {
            "method": each.method,
            "path": each.path,
            "first": first,
            "query": [m.name for m in each.query],
            "body": body,
            "key": each.has_key,
            "form": each.form.value,
            "pagesOf": None if each.pages_of is None else each.pages_of.name,
        }
        rows.append(f"  {each.name}: {json.dumps(row)},")
    return (
        HEAD.format(text="Every operation of the API that takes and answers JSON")
        + "export const OPERATIONS = {\n"
        + "\n".join(rows)
        + "\n};\n"
    )


def _has_callflow(each: Operation) -> bool:
    return any(m.name == "callflow" and m.required for m in each.body or ())


def _methods(every: Sequence[Operation], schemas: Json) -> str:
    lines = []
    for each in every:
        lines += [
            *_comment(each.summary, 2),
            f"  {each.name}({_parameters(each, schemas)}): Promise<{_answer(each)}>;",
        ]
        if each.pages_of is not None:
            item = kind(each.pages_of.schema["items"], schemas)
            name = each.name.replace("list", "iter", 1)
            lines += [
                *_comment(f"All of {each.name}, asked for page by page", 2),
                f"  {name}({_parameters(each, schemas, without='cursor')}): "
                f"AsyncGenerator<{item}, void, undefined>;",
            ]
    return (
        HEAD.format(text="The methods of the client")
        + 'import type { Action } from "./actions.js";\nimport type * as types from "./types.js";\n\n'
        + "export interface Operations {\n"
        + "\n".join(lines)
        + "\n}\n"
    )


def _answer(each: Operation) -> str:
    return f"types.{each.answer}" if each.answer else ANSWERS[each.form]


def _parameters(each: Operation, schemas: Json, *, without: str = "") -> str:
    first = [f"{m.name}: {_given(m, schemas)}" for m in each.names]
    named = []
    for member in (*(each.body or ()), *each.query):
        if member.name == "callflow" and member.required:
            item = "object" if each.name in LOOSE else "Action"
            first.append(f"callflow: readonly {item}[]")
        elif member.name != without:
            mark = "" if member.required else "?"
            text = f"/** {_plain(member.text)} */ " if member.text else ""
            named.append(f"\n    {text}{member.name}{mark}: {_given(member, schemas)};")
    if each.has_key:
        named.append(
            "\n    /** The same key within 24 hours calls once. */ idempotencyKey?: string;"
        )
    if named:
        needed = any(m.required and m.name != "callflow" for m in each.body or ())
        first.append(f"params{'' if needed else '?'}: {{{''.join(named)}\n  }}")
    return ", ".join(first)


def _given(member: Member, schemas: Json) -> str:
    allowed = choices(member.schema)
    if allowed is not None:
        return " | ".join(f'"{value}"' for value in allowed)
    if member.schema.get("format") == "date-time":
        return "string | Date"
    return kind(member.schema, schemas)


# --- types


def _types(document: Json) -> str:
    schemas = document["components"]["schemas"]
    parts = [HEAD.format(text="What requests and answers hold")]
    for names in grouped_schemas(document).values():
        for name in names:
            schema = schemas[name]
            values = enumeration(schema)
            if values is not None:
                parts += [
                    *_comment(schema.get("description", ""), 0),
                    f"export type {name} = {_open(values)};",
                    "",
                ]
            elif "properties" in schema:
                parts += [*_interface(name, schema, schemas), ""]
    return "\n".join(parts)


def _open(values: Sequence[str]) -> str:
    """A set that may grow: editors offer the known values, a newer one is a string as well."""
    return " | ".join([*(f'"{value}"' for value in values), "(string & {})"])


def _interface(name: str, schema: Json, schemas: Json) -> Iterator[str]:
    yield from _comment(schema.get("description", ""), 0)
    yield f"export interface {name} {{"
    for member in members(schema):
        yield from _comment(member.text, 2)
        mark = "" if member.required else "?"
        yield f"  {member.name}{mark}: {kind(member.schema, schemas, prefix='')};"
    yield "}"


def kind(schema: Json, schemas: Json, *, prefix: str = "types.") -> str:
    """The type of a schema. ``prefix``: before the names of others."""
    schema, nullable = without_null(schema)
    return _kind(schema, schemas, prefix) + (" | null" if nullable else "")


def _kind(schema: Json, schemas: Json, prefix: str) -> str:
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            found = [kind(each, schemas, prefix=prefix) for each in schema[keyword]]
            return " | ".join(dict.fromkeys(found))
    if "$ref" in schema:
        target = schemas[reference(schema)]
        if enumeration(target) is not None or "properties" in target:
            return prefix + reference(schema)
        return "number" if "enum" in target else kind(target, schemas, prefix=prefix)
    values = enumeration(schema)
    if values is not None:
        return _open(values)
    if "const" in schema:
        return json.dumps(schema["const"])
    type_ = schema.get("type")
    if isinstance(type_, list):
        return " | ".join(SCALARS[each] for each in type_)
    if type_ == "array":
        item = kind(schema.get("items", {}), schemas, prefix=prefix)
        return f"{item}[]" if " " not in item else f"({item})[]"
    if type_ == "object":
        value = kind(schema.get("additionalProperties") or {}, schemas, prefix=prefix)
        return f"{{ [name: string]: {value} }}"
    return SCALARS.get(str(type_), "unknown")


# --- actions


def _each_action(schemas: Json) -> Iterator[tuple[str, str, Json, list[Member]]]:
    """Name, name of its schema, schema and params."""
    for option in schemas["CallflowAction"]["oneOf"]:
        schema = schemas[reference(option)]
        params = list(members(schemas[reference(schema["properties"]["params"])]))
        yield schema["properties"]["action"]["const"], reference(option), schema, params


def _only(name: str, params: Sequence[Member]) -> str | None:
    """The one param that stands for itself; None: all are given by name."""
    if name == "executeScenario":
        return "scenarioName"
    needed = [member.name for member in params if member.required]
    return needed[0] if len(needed) == 1 else None


def _actions(schemas: Json) -> str:
    functions = []
    for name, _, _, params in _each_action(schemas):
        only = _only(name, params)
        if not params and only is None:
            functions.append(f'export function {name}() {{\n  return {{ action: "{name}" }};\n}}\n')
        elif only is None:
            functions.append(
                f'export function {name}(params) {{\n  return {{ action: "{name}", params }};\n}}\n'
            )
        else:
            functions.append(
                f"export function {name}({only}, params = {{}}) {{\n"
                f'  return {{ action: "{name}", params: {{ {only}, ...params }} }};\n}}\n'
            )
    return HEAD.format(text="The actions of a callflow") + "\n".join(functions)


def _action_types(schemas: Json) -> str:
    parts = [HEAD.format(text="The actions of a callflow")]
    names = []
    for name, type_, schema, params in _each_action(schemas):
        names.append(type_)
        only = _only(name, params)
        own = f"{type_.removesuffix('Action')}Params"
        if name == "executeScenario":
            parts += [
                f"export interface {own} {{",
                "  scenarioName: string;",
                "  /** A parameter of the scenario. */",
                "  [parameter: string]: unknown;",
                "}",
                "",
            ]
        elif params:
            described = {
                "description": "",
                "properties": {m.name: m.schema for m in params},
                "required": [m.name for m in params if m.required],
            }
            parts += [*_interface(own, described, schemas), ""]
        mark = ": " + own if params or only else "?: {}"
        parts += [f'export interface {type_} {{ action: "{name}"; params{mark} }}', ""]
        given = "" if not params and only is None else f"params: {own}"
        if only is not None:
            rest = (
                "{ [parameter: string]: unknown }"
                if name == "executeScenario"
                else f'Omit<{own}, "{only}">'
            )
            given = f"{only}: string, params?: {rest}"
        parts += [
            *_comment(schema.get("description", ""), 0),
            f"export function {name}({given}): {type_};",
            "",
        ]
    parts += [f"export type Action = {' | '.join(names)};", ""]
    return "\n".join(parts)


def _comment(text: str, indent: int) -> list[str]:
    pad = " " * indent
    text = _plain(text)
    if not text:
        return []
    if len(text) + indent + 7 <= 110:
        return [f"{pad}/** {text} */"]
    wrapped = textwrap.wrap(text, 106 - indent, break_on_hyphens=False)
    return [f"{pad}/**", *(f"{pad} * {line}" for line in wrapped), f"{pad} */"]


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("*/", "* /").rstrip(".") + "." if text else ""
