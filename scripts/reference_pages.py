"""Write the pages of ``docs/reference`` from the code: ``make docs`` runs it.

A test compares, so that a page cannot differ from the command, the events or the API that it describes.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import offhook.events
from offhook.cli import app
from offhook.commands.help_examples import EXAMPLES
from offhook.http.app import openapi_document

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "Made from the code by `scripts/reference_pages.py`; do not edit it. A test compares."


def commands() -> str:
    """Every command with its options and examples."""
    text = app.generate_docs(output_format="markdown", heading_level=1, usage_name="offhook")
    text = text.replace("```console\n", "```text\n")
    text = re.sub(r"## Table of Contents\n.*?(?=\*\*Commands\*\*)", "", text, flags=re.DOTALL)
    _, _, rest = text.partition("**Commands**")
    head = (
        f"# Commands\n\nEvery command of `offhook`, as `offhook COMMAND --help` shows it. {NOTE}\n\n"
        "Exit codes: 0 done, 1 it failed (and one line says why), 2 the command or the configuration is "
        "wrong. "
        "Commands that speak to a running server find it by `--url` and `--api-key`, or `OFFHOOK_URL` and "
        "`OFFHOOK_API_KEY`.\n\n**Commands**"
    )
    parts = re.split(r"(?m)^(?=#{2,3} offhook )", head + rest)
    return "\n\n".join(part.strip() for part in map(_with_examples, parts)) + "\n"


def _with_examples(part: str) -> str:
    matched = re.match(r"#+ offhook (.+)\n", part)
    lines = EXAMPLES.get(matched[1], ()) if matched else ()
    if not lines:
        return part
    return f"{part.rstrip()}\n\nExamples:\n\n```sh\n" + "\n".join(lines) + "\n```\n"


# --- events


def events() -> str:
    """Every event of a session's timeline with its members."""
    tree = ast.parse(inspect.getsource(offhook.events))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    parts = [
        "# Events",
        "The facts of a session's timeline, in the order in which they happen. "
        "`GET …/sessions/{sessionId}` lists them, `GET …/sessions/{sessionId}/events` streams them, and "
        "`offhook show` tells them. Each has `event`, its name, and "
        f"`timestamp`, when it happened (UTC). Members without a value are left out. {NOTE}",
    ]
    for node in classes.values():
        tag = next((_text(k.value) for k in node.keywords if k.arg == "tag"), None)
        if tag:
            parts.append(f"## {tag}")
            parts += _members(node)
    parts.append("## Parts of events")
    for name in ("CallerVerification", "Diverted"):
        parts.append(f"### {name}")
        parts += _members(classes[name])
    parts.append("### Verstat and Attestation")
    parts += [f"`{name}`: {_values(classes[name])}" for name in ("Verstat", "Attestation")]
    return "\n\n".join(parts) + "\n"


def _text(node: ast.expr) -> str:
    return str(ast.literal_eval(node))


def _prose(text: str) -> str:
    """A docstring as a paragraph of Markdown."""
    return re.sub(r"\s+", " ", text.replace("``", "`")).strip()


def _members(node: ast.ClassDef) -> Iterator[str]:
    yield _prose(ast.get_docstring(node) or "")
    rows = ["| member | type | |", "| --- | --- | --- |"]
    for at, each in enumerate(node.body):
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            following = node.body[at + 1] if at + 1 < len(node.body) else None
            told = ""
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                told = _prose(str(following.value.value))
            kind = _words_of_type(ast.unparse(each.annotation))
            name = re.sub(r"_(\w)", lambda found: found[1].upper(), each.target.id)
            rows.append(f"| `{name}` | {kind} | {told} |")
    if len(rows) > 2:
        yield "\n".join(rows)


def _words_of_type(annotation: str) -> str:
    """A Python type as it is in JSON."""
    if annotation.endswith(" | None"):
        return f"{_words_of_type(annotation.removesuffix(' | None'))} or null"
    if matched := re.fullmatch(r"tuple\[(.+), \.\.\.\]", annotation):
        return f"list of {_words_of_type(matched[1])}"
    return {"str": "string", "int": "integer", "float": "number"}.get(annotation, annotation)


def _values(node: ast.ClassDef) -> str:
    found = []
    for at, each in enumerate(node.body):
        if isinstance(each, ast.Assign):
            following = node.body[at + 1] if at + 1 < len(node.body) else None
            told = ""
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                told = f" ({_prose(str(following.value.value)).rstrip('.')})"
            found.append(f"`{_text(each.value)}`{told}")
    return ", ".join(found) + "."


# --- the API


def endpoints() -> str:
    """Every endpoint of the OpenAPI document, and the members of the bodies."""
    document = openapi_document()
    parts = [
        "# Endpoints and bodies",
        "Every request of the API, from the same OpenAPI document that a running server gives at "
        "`/openapi.json` and draws at "
        f"`/docs`. What a schema cannot say stands in [the HTTP API](../api.md). {NOTE}",
    ]
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                tag = (operation.get("tags") or ["Other"])[0]
                by_tag.setdefault(tag, []).append(_operation(method, path, operation))
    for tag, operations in by_tag.items():
        parts += [f"## {tag}", *operations]
    parts.append("## Bodies")
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.append(_schema(name, schema))
    return "\n\n".join(parts) + "\n"


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    lines = [f"### {method.upper()} {path}", operation.get("summary", "") + "."]
    if operation.get("description"):
        lines.append(_prose(operation["description"]))
    rows = [
        f"| `{one['name']}` | {one['in']} | {_kind(one['schema'])} | {_cell(one.get('description', ''))} |"
        for one in operation.get("parameters", ())
        if one["name"] != "subAccountId"
    ]
    if rows:
        lines.append("\n".join(["| parameter | in | type | |", "| --- | --- | --- | --- |", *rows]))
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        bodies = {f"`{kind}`: {_kind(one.get('schema', {}))}" for kind, one in content.items()}
        lines.append("Body: " + ", ".join(sorted(bodies)))
    lines.append(
        "Answers: " + ", ".join(_answer(*pair) for pair in sorted(operation["responses"].items()))
    )
    return "\n\n".join(lines)


def _answer(status: str, response: Mapping[str, Any]) -> str:
    if "$ref" in response:
        return status
    kinds = sorted({_kind(one.get("schema", {})) for one in response.get("content", {}).values()})
    return f"{status} {' or '.join(kinds)}".strip()


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema in a few words; what has a name is a link."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(_kind(one) for one in schema[word]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    kind = schema.get("type", "any")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    low, high = (
        schema.get(k, schema.get(v))
        for k, v in (("minimum", "minLength"), ("maximum", "maxLength"))
    )
    if low is not None and high is not None:
        text += f" of {low} to {high}" + (" characters" if "maxLength" in schema else "")
    return text


def _schema(name: str, schema: Mapping[str, Any]) -> str:
    lines = [f"### {name}"]
    if schema.get("description"):
        lines.append(_prose(schema["description"]))
    members = schema.get("properties")
    if not members:
        return "\n\n".join([*lines, _kind(schema)])
    required = set(schema.get("required", ()))
    rows = [
        f"| `{key}`{' (required)' if key in required else ''} | {_kind(one)} | "
        f"{_cell(one.get('description', ''))} |"
        for key, one in members.items()
    ]
    return "\n\n".join([*lines, "\n".join(["| member | type | |", "| --- | --- | --- |", *rows])])


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")


PAGES = {"commands.md": commands, "events.md": events, "endpoints.md": endpoints}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        (FOLDER / name).write_text(textwrap.dedent(make()), "utf-8")


if __name__ == "__main__":
    main()
