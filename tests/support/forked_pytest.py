"""Runs of pytest that start at once: a process that has the libraries loaded forks for each of them.

``python -m tests.support.forked_pytest`` reads orders from its standard input, a JSON object a line: ``args``
of pytest, ``folder`` to run in (which must hold ``src``), ``settings`` for the environment, ``out``: the file
for its output. It answers two lines each: the process id (also that of its group) and the exit status.
Nothing of ``offhook`` and of the tests is loaded before the fork.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import Any, NoReturn

LIBRARIES = (
    "aiohttp",
    "alembic",
    "asyncpg",
    "cyclopts",
    "hypothesis",
    "jsonschema",
    "litestar",
    "miniaudio",
    "msgspec",
    "nats",
    "numpy",
    "phonenumbers",
    "prometheus_client",
    "pytest",
    "re2",
    "sipmessage",
    "soundfile",
    "soxr",
    "sqlalchemy",
    "structlog",
    "uvicorn",
    "uvloop",
)


def main() -> None:
    """Serve orders until the input ends."""
    for name in LIBRARIES:
        import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(order: dict[str, Any]) -> NoReturn:
    """In the child: become a run of pytest."""
    os.setpgid(0, 0)
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor, to in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (out, 2)):
        os.dup2(descriptor, to)
    folder = order["folder"]
    os.chdir(folder)
    os.environ.update(order["settings"], PYTHONPATH=f"{folder}/src:{folder}")
    sys.dont_write_bytecode = True
    sys.path[:] = [f"{folder}/src", folder, *(path for path in sys.path if path)]
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    status = import_module("pytest").main(order["args"])
    sys.stdout.flush()
    os._exit(int(status))


if __name__ == "__main__":
    main()
