"""docs/configuration.md tells every key with its default, and nothing else; its example loads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import msgspec.inspect

from offhook.config import Config
from offhook.config.file import load

PAGE = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `([a-z_.]+\.[a-z_]+)` \| (.+?) \| ", re.MULTILINE)

ROWS_OF_THEIR_OWN = {"testbed.phones", "subaccounts.scenarios.parameters"}
"""Lists of tables that the page shows as a key; the others have a heading."""


def keys(section: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every key below a section with its default as the page writes it."""
    info = msgspec.inspect.type_info(section)
    assert isinstance(info, msgspec.inspect.StructType)
    for field in info.fields:
        name = f"{prefix}{field.encode_name}"
        inner = field.type
        if isinstance(inner, msgspec.inspect.UnionType):  # a table that may be absent
            inner = next(
                (t for t in inner.types if isinstance(t, msgspec.inspect.StructType)), inner
            )
        if isinstance(inner, msgspec.inspect.VarTupleType):
            inner = inner.item_type
        if not isinstance(inner, msgspec.inspect.StructType) or name in ROWS_OF_THEIR_OWN:
            yield name, default(field)
        if isinstance(inner, msgspec.inspect.StructType):
            yield from keys(inner.cls, f"{name}.")


def default(field: msgspec.inspect.Field) -> str:
    if field.required:
        return "required"
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    return "none" if value is None else f"`{json.dumps(value)}`"


def test_every_key_with_its_default() -> None:
    assert dict(ROW.findall(PAGE)) == dict(keys(Config))


def test_the_example_loads(tmp_path: Path) -> None:
    example = PAGE.rpartition("```toml\n")[2].partition("```")[0]
    file = tmp_path / "offhook.toml"
    file.write_text(example)
    config = load(str(file), {"ACME_KEY": "k", "OFFHOOK_TRUNKS__0__PASSWORD": "secret"})
    assert config.trunks[0].password == "secret"
    assert config.subaccounts[0].coverage == ("SG", "+44")
