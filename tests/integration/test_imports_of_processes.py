"""What a process of its own imports, and what it must not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from offhook.speech import worker_kit


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("import offhook", ["offhook.client", "httpx", "msgspec", "litestar"]),
        ("from offhook import Client", ["litestar", "offhook.http", "asyncpg", "numpy"]),
        ("import offhook.receiver", ["httpx", "litestar", "offhook.http", "aiohttp"]),
    ],
)
def test_only_what_is_asked_for_is_loaded(program: str, absent: list[str]) -> None:
    script = f"{program}\nimport sys\nprint(*[name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_without_httpx_the_clients_say_what_to_install() -> None:
    script = "import sys\nsys.modules['httpx'] = None\nfrom offhook import Client"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert "pip install 'offhook[client]'" in done.stderr.splitlines()[-1]


def test_help_imports_no_server() -> None:
    code = (
        "import sys, offhook.cli; offhook.cli.main(['--help']);"
        "print([m for m in ('aiohttp', 'litestar', 'sqlalchemy', 'numpy', 'structlog')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_server_without_traces_does_not_import_opentelemetry() -> None:
    code = (
        "import sys, offhook.processes.api, offhook.processes.voice;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_no_process_imports_what_only_structlogs_own_renderer_needs() -> None:
    program = (
        "import sys, offhook.log; print('rich' in sys.modules); import rich; print(rich.__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["False", "rich"]


@pytest.mark.parametrize(
    "program",
    [
        "espeak_worker",
        "kokoro_worker",
        "espeak_library",
        "kokoro_front_ends",
        "kokoro_graph",
        "espeak_phonemes",
        "piper_worker",
        "worker_kit",
        "pcm_worker",
    ],
)
def test_programs_that_load_gpl_code_load_nothing_of_offhook(program: str) -> None:
    """They are the border to a GPL library: programs of their own."""
    look = (
        "import runpy, sys; runpy.run_path(sys.argv[1], run_name='looked_at'); "
        "print([name for name in sys.modules if name.split('.')[0] == 'offhook'])"
    )
    path = Path(worker_kit.__file__).with_name(f"{program}.py")
    found = subprocess.run([sys.executable, "-I", "-c", look, path], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_no_number_loads_anything_once_the_metadata_is_loaded() -> None:
    """A process of its own, in which every import after the start fails as it does without descriptors."""
    program = """
import builtins
from offhook.flow import numbers
import phonenumbers

def no_more(*arguments, **options):
    raise OSError(24, "Too many open files")

numbers.load_metadata()
builtins.__import__ = no_more
examples = [phonenumbers.example_number(region) for region in phonenumbers.SUPPORTED_REGIONS]
asked = [phonenumbers.format_number(n, phonenumbers.PhoneNumberFormat.E164) for n in examples if n]
found = {numbers.country_of(number) for number in asked}
assert numbers.country_of("+80012345678") is None
print(len(asked), len(found))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    numbers_asked, countries = map(int, run.stdout.split())
    assert numbers_asked > 230
    assert countries > 200
