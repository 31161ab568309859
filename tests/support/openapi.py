"""The OpenAPI document, made once for all tests of a process."""

from __future__ import annotations

import functools
import json
from typing import Any

from offhook.http.app import openapi_document


@functools.cache
def _text() -> str:
    return json.dumps(openapi_document())


def the_document() -> dict[str, Any]:
    """The document, for the caller to change; to make it takes half a second, to copy it a few ms."""
    copy: dict[str, Any] = json.loads(_text())
    return copy
