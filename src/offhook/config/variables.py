"""The ``OFFHOOK_SECTION__KEY`` variables, which override keys of the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, get_args, get_origin

from offhook.config import Config
from offhook.config.mistakes import Source, did_you_mean
from offhook.config.toml_lines import Path
from offhook.config.typed_reader import hints_of, is_section, item_hint, without_none


def override(data: dict[str, Any], environ: Mapping[str, str], source: Source) -> None:
    """Put the values of ``OFFHOOK_SECTION__KEY`` (and ``OFFHOOK_TRUNKS__0__PASSWORD``) into data."""
    for variable in sorted(environ):
        parts = variable.removeprefix("OFFHOOK_").lower().split("__")
        if not variable.startswith("OFFHOOK_") or (
            len(parts) == 1 and parts[0] not in ("trunks", "routes", "subaccounts")
        ):
            continue
        path: Path = tuple(int(part) if part.isdecimal() else part for part in parts)
        source.variables[path] = variable
        hint = _hint_at(path)
        if hint is None:
            near = did_you_mean(str(path[-1]), _known_at(path[:-1]))
            source.add(path, f"there is no such key{'; ' if near else ''}{near}")
        elif not _put(data, path, _parsed(environ[variable], hint)):
            source.add(path, "there is no such element in the file")


def _hint_at(path: Path) -> Any:
    """The type of the key at ``path``; None when there is none."""
    hint: Any = Config
    for part in path:
        item = item_hint(hint)
        known = hints_of(hint) if is_section(hint) else {}
        hint = item if isinstance(part, int) else known.get(part)
        if hint is None:
            return None
        hint = without_none(hint)
    return hint


def _known_at(path: Path) -> Iterable[str]:
    """The keys of the section at ``path``; none where there is no section."""
    hint = _hint_at(path)
    return hints_of(hint) if is_section(hint) else ()


def _put(data: Any, path: Path, value: object) -> bool:
    """Set ``value`` at ``path``; False when a list on the way has no such element."""
    last = path[-1]
    for part, following in pairwise(path):
        if isinstance(part, int):
            if not isinstance(data, list | tuple) or part >= len(data):
                return False
            data = data[part]
        elif part not in data and isinstance(following, int):
            return False
        else:
            data = data.setdefault(part, {})
    if isinstance(last, int):
        if not isinstance(data, list) or last >= len(data):
            return False
    elif not isinstance(data, dict):
        return False
    data[last] = value
    return True


def _parsed(text: str, hint: Any) -> Any:
    """A variable's text as the kind of value its key takes; left as it is when it does not fit."""
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    try:
        if base is bool:
            return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        if base in (int, float):
            return base(text)
        if is_section(base):
            return json.loads(text)
        if (item := item_hint(base)) is not None:
            if text.lstrip().startswith("[") or is_section(item):
                return json.loads(text)
            return [part.strip() for part in text.split(",") if part.strip()]
    except (ValueError, RecursionError):
        return text
    return text
