"""Types of Python from schemas: frozen msgspec structs, and enumerations that take newer values."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from scripts.clients.reading import (
    Json,
    Member,
    enumeration,
    grouped_schemas,
    members,
    reference,
    references,
    set_name,
    without_null,
)

HEAD = '"""{text}. Made by ``python -m scripts.clients``: do not edit."""\n'
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}


def snake(name: str) -> str:
    """``callFlowRequestId`` as ``call_flow_request_id``; ``from`` as ``from_``."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().replace("-", "_")
    return f"{text}_" if text == "from" else text


def slug(group: str) -> str:
    """``Speech profiles`` as ``speech_profile``."""
    text = group.lower().replace(" ", "_").replace("-", "_")
    return text if text == "recordings" else text.removesuffix("s")


def types_file(group: str) -> str:
    """The module of a group's types."""
    return f"{slug(group)}_types"


def type_files(document: Json) -> Iterator[tuple[str, str]]:
    """Name and text of every module of types."""
    groups = grouped_schemas(document)
    home = {name: types_file(group) for group, names in groups.items() for name in names}
    for group, names in groups.items():
        yield types_file(group), _types_module(document, group, names, home)
    public: dict[str, str] = {}
    for group, names in groups.items():
        for name in _class_names(document["components"]["schemas"], names):
            public.setdefault(name, types_file(group))
    lines = [f"from offhook.client.types.{module} import {name}" for name, module in public.items()]
    yield (
        "__init__",
        HEAD.format(text="Everything that the API answers, as types")
        + "\n"
        + "\n".join(lines)
        + f"\n__all__ = {sorted(public)!r}\n",
    )


def _class_names(schemas: Json, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if _is_class(schemas[name]):
            yield name
        for member in members(schemas[name]):
            if enumeration(without_null(member.schema)[0]) is not None:
                yield set_name(name, member.name)


def _types_module(document: Json, group: str, names: Sequence[str], home: Mapping[str, str]) -> str:
    schemas = document["components"]["schemas"]
    sets: dict[str, str] = {}
    elsewhere: set[str] = set()
    classes = []
    for name in names:
        schema = schemas[name]
        values = enumeration(schema)
        if values is not None:
            classes.append(_set(name, values, schema.get("description", "")))
        elif "properties" in schema:
            for member in members(schema):
                values = enumeration(without_null(member.schema)[0])
                if values is not None:
                    own = set_name(name, member.name)
                    if own in home:
                        elsewhere.add(own)
                    elif own not in sets:
                        sets[own] = _set(own, values, "")
            classes.append(_struct(name, schema, schemas))
    used = {each for name in names for each in references(schemas[name])} | elsewhere
    imports = [
        f"from offhook.client.types.{home[name]} import {name}\n"
        for name in sorted(used)
        if name in home and home[name] != types_file(group) and _is_class(schemas[name])
    ]
    public = [*sets, *(name for name in names if _is_class(schemas[name]))]
    body = "\n\n".join([*sets.values(), *classes])
    any_ = "from typing import Any\n" if "Any" in body else ""
    structs = "import msgspec\n" if "msgspec." in body else ""
    open_ = "from offhook.client.open_set import OpenSet\n" if "(OpenSet)" in body else ""
    return (
        HEAD.format(text=f"{group}: what requests and answers hold")
        + "\nfrom __future__ import annotations\n\n"
        + any_
        + "\n"
        + structs
        + "\n"
        + open_
        + "\n".join(imports)
        + f"\n__all__ = {sorted(public)!r}\n\n\n{body}\n"
    )


def _is_class(schema: Json) -> bool:
    return enumeration(schema) is not None or "properties" in schema


def _set(name: str, values: Sequence[str], text: str) -> str:
    lines = [f"class {name}(OpenSet):", f'    """{_sentence(text or _words(name))}"""', ""]
    for value in values:
        member = re.sub(r"\W+", "_", value).upper().strip("_") or "ALL"
        lines.append(f'    {member} = "{value}"')
    return "\n".join(lines) + "\n"


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def _sentence(text: str) -> str:
    return " ".join(text.split()).replace('"', "'").replace("\\", "\\\\").rstrip(".") + "."


def _struct(name: str, schema: Json, schemas: Json) -> str:
    tag, options = "", "frozen=True, kw_only=True, rename='camel', omit_defaults=True"
    event = schema["properties"].get("eventType", {}).get("const")
    if event is not None:
        tag = f", tag_field='eventType', tag='{event}'"
    lines = [
        f"class {name}(msgspec.Struct, {options}{tag}):",
        *_doc(schema.get("description") or _words(name), 4),
        "",
    ]
    for member in members(schema):
        if member.name == "eventType" and tag:
            continue
        lines.append(f"    {_field(name, member, schemas)}")
        if member.text:
            lines += _doc(member.text, 4)
    return "\n".join(lines) + "\n"


def _field(owner: str, member: Member, schemas: Json) -> str:
    kind = annotation(member.schema, schemas, owner=owner, name=member.name)
    name = snake(member.name)
    default = _default(member)
    if not member.required and default == "None" and kind != "Any" and not kind.endswith("| None"):
        kind += " | None"
    plain = name.rstrip("_") if name.endswith("_") else name
    head, *rest = plain.split("_")
    camel = head + "".join(part.capitalize() for part in rest)
    if camel != member.name or name != plain:
        options = f'name="{member.name}"' + ("" if member.required else f", default={default}")
        return f"{name}: {kind} = msgspec.field({options})"
    return f"{name}: {kind}" + ("" if member.required else f" = {default}")


def _default(member: Member) -> str:
    default = member.schema.get("default")
    if isinstance(default, list):
        return "[]"
    return repr(default) if isinstance(default, (str, int, float, bool)) else "None"


def annotation(
    schema: Json, schemas: Json, *, owner: str = "", name: str = "", given: bool = False
) -> str:
    """The type of a schema. ``given``: of what callers hand over, where any sequence will do."""
    schema, nullable = without_null(schema)
    return _plain(schema, schemas, owner, name, given) + (" | None" if nullable else "")


def _plain(schema: Json, schemas: Json, owner: str, name: str, given: bool) -> str:
    for keyword in ("oneOf", "anyOf"):
        if keyword in schema:
            kinds = [annotation(each, schemas, given=given) for each in schema[keyword]]
            return " | ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        target = schemas[reference(schema)]
        if enumeration(target) is not None and given:
            return "str"  # its text will do
        if _is_class(target):
            return reference(schema)
        return "int" if "enum" in target else annotation(target, schemas, given=given)
    if enumeration(schema) is not None:
        return "str" if given else set_name(owner, name)
    if "const" in schema:
        return "str"
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(SCALARS[each] for each in kind)
    if kind == "array":
        item = annotation(schema.get("items", {}), schemas, given=given)
        return f"Sequence[{item}]" if given else f"list[{item}]"
    if kind == "object":
        value = annotation(schema.get("additionalProperties") or {}, schemas, given=given)
        return f"Mapping[str, {value}]" if given else f"dict[str, {value}]"
    return SCALARS.get(str(kind), "object" if given else "Any")


def _doc(text: str, indent: int) -> list[str]:
    """A docstring of one paragraph, broken at 100 characters."""
    pad = " " * indent
    text = _sentence(text).replace("`", "``")
    if len(text) + indent + 6 <= 100:
        return [f'{pad}"""{text}"""']
    lines = textwrap.wrap(text, 100 - indent, initial_indent='"""', break_on_hyphens=False)
    return [*(f"{pad}{line}" for line in lines), f'{pad}"""']
