"""A pytest plugin: which functions of ``src/offhook`` each test runs (``-p tests.support.touched``).

It writes a JSON line for each test that passed to the file that ``OFFHOOK_TOUCHED`` names: ``test`` (without
parameters), ``seconds`` and ``functions`` as ``sip/message.py:Message.parse``. A function inside another one
counts as the outer one. Only this process is seen, not the servers that acceptance tests start.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType

import pytest

_SOURCES = f"{os.sep}src{os.sep}offhook{os.sep}"
_OUT = Path(os.environ["OFFHOOK_TOUCHED"])
_entered: set[CodeType] = set()
_passed: dict[str, bool] = {}


def _enter(frame: FrameType, event: str, _: object) -> None:
    if event == "call":
        _entered.add(frame.f_code)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether a part of the test failed."""
    report = yield
    _passed[item.nodeid] = _passed.get(item.nodeid, True) and not report.failed
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Write down what the test ran."""
    _entered.clear()
    began = time.monotonic()
    threading.setprofile(_enter)
    sys.setprofile(_enter)
    try:
        done = yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    line = {
        "test": item.nodeid.partition("[")[0],
        "seconds": round(time.monotonic() - began, 3),
        "passed": _passed.get(item.nodeid, False),
        "functions": sorted({name for code in list(_entered) if (name := _name(code))}),
    }
    with _OUT.open("a") as file:
        file.write(json.dumps(line) + "\n")
    return done


def _name(code: CodeType) -> str | None:
    _, inside, module = code.co_filename.rpartition(_SOURCES)
    return f"{module}:{code.co_qualname.partition('.<locals>')[0]}" if inside else None
