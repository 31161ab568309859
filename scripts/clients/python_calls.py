"""Methods of the two Python clients from the operations: one module a group, with both forms."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from scripts.clients.python_types import HEAD, annotation, slug, snake
from scripts.clients.reading import (
    AnswerForm,
    Json,
    Member,
    Operation,
    choices,
    operations,
)

ACTIONS = "Sequence[Mapping[str, object]]"
"""The type of a callflow that is handed over."""


def calls_file(group: str) -> str:
    """The module of a group's methods."""
    return f"{slug(group)}_calls"


def class_name(group: str, *, waits: bool) -> str:
    """The class of a group's methods; ``waits``: those of the asynchronous client."""
    words = "".join(word.capitalize() for word in slug(group).split("_"))
    return f"{'Async' if waits else ''}{words}Calls"


def call_files(document: Json) -> Iterator[tuple[str, str]]:
    """Name and text of every module of methods, and of the two classes that have all of them."""
    by_group: dict[str, list[Operation]] = {}
    for each in operations(document):
        by_group.setdefault(each.group, []).append(each)
    for group, some in by_group.items():
        yield calls_file(group), _calls_module(document, group, some)
    yield "every_call", _every_call(list(by_group))


def _every_call(groups: Sequence[str]) -> str:
    lines = [HEAD.format(text="All methods together"), "from __future__ import annotations", ""]
    for group in groups:
        names = ", ".join(class_name(group, waits=waits) for waits in (True, False))
        lines.append(f"from offhook.client.calls.{calls_file(group)} import {names}")
    for waits in (False, True):
        bases = ", ".join(class_name(group, waits=waits) for group in groups)
        how = "that wait for nothing" if waits else "that answer when the server has"
        lines += ["", "", f"class {'Async' if waits else ''}EveryCall({bases}):"]
        lines.append(
            f'    """Every operation of the API, as methods {how}."""'.replace(
                "methods that wait for nothing", "coroutines"
            ).replace(" that answer when the server has", "")
        )
    return "\n".join(lines) + "\n"


def _calls_module(document: Json, group: str, some: Sequence[Operation]) -> str:
    schemas = document["components"]["schemas"]
    classes = []
    for waits in (False, True):
        base = "AsyncSender" if waits else "Sender"
        lines = [f"class {class_name(group, waits=waits)}({base}):", f'    """{group}."""']
        for each in some:
            lines += ["", *_method(each, schemas, waits=waits)]
            if each.pages_of is not None:
                lines += ["", *_iterator(each, schemas, waits=waits)]
        classes.append("\n".join(lines))
    body = "\n\n\n".join(classes)
    names = [n for n in ("AsyncIterator", "Iterator", "Mapping", "Sequence") if f"{n}[" in body]
    own = sorted({n for n in schemas if _is_named(n, body)})
    return "\n".join(
        [
            HEAD.format(text=f"{group}: its operations as methods"),
            "from __future__ import annotations",
            "",
            f"from collections.abc import {', '.join(names)}" if names else "",
            "from datetime import datetime" if "datetime" in body else "",
            "from typing import Literal" if "Literal[" in body else "",
            "",
            "from offhook.client.sending import AsyncSender, Sender",
            f"from offhook.client.types import {', '.join(own)}" if own else "",
            "",
            "",
            body,
            "",
        ]
    )


def _is_named(name: str, body: str) -> bool:
    return any(f"{before}{name}{after}" in body for before in " [(" for after in " ]),:\n|")


def _parameters(each: Operation, schemas: Json) -> tuple[list[str], list[str]]:
    """The parameters that come first, and those by name only."""
    first = [f"{snake(m.name)}: {_kind(m, schemas)}" for m in each.names]
    named = []
    for member in sorted((*(each.body or ()), *each.query), key=lambda one: not one.required):
        kind = _kind(member, schemas)
        if member.required and member.name == "callflow":
            first.append(f"callflow: {kind}")
        elif member.required:
            named.append(f"{snake(member.name)}: {kind}")
        else:
            kind = kind if kind.endswith("| None") else f"{kind} | None"
            named.append(f"{snake(member.name)}: {kind} = None")
    if each.has_key:
        named.append("idempotency_key: str | None = None")
    return first, named


def _kind(member: Member, schemas: Json) -> str:
    allowed = choices(member.schema)
    if allowed is not None:
        return f"Literal[{', '.join(map(repr, allowed))}]"
    if member.name == "callflow":
        return ACTIONS
    if member.schema.get("format") == "date-time":
        return "datetime | str"
    return annotation(member.schema, schemas, given=True)


def _signature(each: Operation, schemas: Json, *, without: str = "") -> str:
    first, named = _parameters(each, schemas)
    named = [one for one in named if one.partition(":")[0] != without or not without]
    return ", ".join(["self", *first, *(["*", *named] if named else [])])


def _method(each: Operation, schemas: Json, *, waits: bool) -> list[str]:
    answers = {
        AnswerForm.JSON: each.answer,
        AnswerForm.BYTES: "bytes",
        AnswerForm.TEXT: "str",
        AnswerForm.NOTHING: "None",
    }[each.form]
    kind = "type(None)" if answers == "None" else answers
    name = snake(each.name)
    arguments = [repr(each.method), f'"{each.path}"', kind]
    if each.names:
        arguments.append(f"names={_mapping(each.names)}")
    if each.query:
        arguments.append(f"query={_mapping(each.query)}")
    if each.body is not None:
        arguments.append(f"body={_mapping(each.body)}")
    if each.has_key:
        arguments.append("key=idempotency_key or self._new_key()")
    head, wait = ("async def", "await ") if waits else ("def", "")
    return [
        f"    {head} {name}({_signature(each, schemas)}) -> {answers}:",
        *_doc(each),
        f"        return {wait}self._send({', '.join(arguments)})",
    ]


def _mapping(members: Sequence[Member]) -> str:
    return "{" + ", ".join(f'"{m.name}": {snake(m.name)}' for m in members) + "}"


def _iterator(each: Operation, schemas: Json, *, waits: bool) -> list[str]:
    assert each.pages_of is not None
    name = snake(each.name)
    item = annotation(each.pages_of.schema["items"], schemas)
    values = [snake(m.name) for m in each.names]
    values += [f"{snake(m.name)}={snake(m.name)}" for m in each.query]
    kind = "AsyncIterator" if waits else "Iterator"
    return [
        f"    def {name.replace('list_', 'iter_', 1)}("
        f"{_signature(each, schemas, without='cursor')}) -> {kind}[{item}]:",
        f'        """All of :meth:`{name}`, asked for page by page; ``limit``: of one page."""',
        f"        return self._pages(lambda cursor: self.{name}({', '.join(values)}), "
        f"lambda page: page.{snake(each.pages_of.name)})",
    ]


def _doc(each: Operation) -> list[str]:
    explained = [m for m in (*each.names, *(each.body or ()), *each.query) if m.text]
    summary = each.summary.rstrip(".") + "."
    if not explained and not each.has_key:
        return [f'        """{summary}"""']
    lines = [f'        """{summary}', ""]
    for member in explained:
        text = f"``{snake(member.name)}``: {_plain(member.text)}"
        lines += textwrap.wrap(
            text,
            100,
            initial_indent=" " * 8,
            subsequent_indent=" " * 12,
            break_on_hyphens=False,
            break_long_words=False,
        )
    if each.has_key:
        lines += [
            "        ``idempotency_key``: the same key within 24 hours calls once and answers the",
            "            same again; absent: one is made, which serves the retries of this method.",
        ]
    return [*lines, '        """']


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', "'").replace("`", "``").rstrip(".") + "."
