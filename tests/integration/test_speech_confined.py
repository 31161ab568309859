"""What a program that reads customers' files can still do: its work, and nothing else."""

from __future__ import annotations

import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from offhook.speech import confined
from offhook.speech.worker_process import confined_program, worker_environment

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="seccomp and Landlock are Linux's")
NOT_PERMITTED = "PermissionError"


def attempt(tmp_path: Path, statement: str, *, memory: int = 512 << 20, size: int = 0) -> str:
    """What becomes of ``statement`` in a confined program: ``done``, or the name of its exception."""
    program = tmp_path / "attempt.py"
    program.write_text(
        "import ctypes, os, resource, signal, socket, sys, threading\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def call(number, *arguments):\n"
        "    if libc.syscall(number, *arguments) < 0:\n"
        "        raise OSError(ctypes.get_errno(), '')\n"
        f"try:\n    {statement}\n"
        "except BaseException as error: print(type(error).__name__, flush=True)\n"
        "else: print('done', flush=True)\n"
    )
    done = subprocess.run(
        confined_program(program, memory=memory, file_size=size),
        capture_output=True,
        text=True,
        env=worker_environment(),
        timeout=60,
        check=False,
    )
    return done.stdout.strip() or f"ended {done.returncode}: {done.stderr}"


@LINUX
@pytest.mark.parametrize(
    "statement",
    [
        "socket.socket()",
        "socket.socketpair()",
        "socket.socket(socket.AF_UNIX)",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.kill(1, 0)",
        "os.pidfd_open(os.getppid())",
        "os.memfd_create('x')",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "call(confined_number['ptrace'], 0, 0, 0, 0)",
        "call(confined_number['io_uring_setup'], 1, 0)",
        "call(confined_number['unshare'], 0x10000000)",
        "call(confined_number['bpf'], 0, 0, 0)",
    ],
)
def test_it_reaches_no_network_and_no_process(tmp_path: Path, statement: str) -> None:
    column = list(confined.ARCHITECTURES).index(platform.machine())
    numbers = {name: pair[column] for name, pair in confined.REFUSED.items()}
    assert attempt(tmp_path, f"confined_number = {numbers}; {statement}") == NOT_PERMITTED


@LINUX
def test_it_starts_no_thread(tmp_path: Path) -> None:
    assert attempt(tmp_path, "threading.Thread(target=print).start()") == "RuntimeError"


@LINUX
@pytest.mark.skipif("Landlock" in confined.missing(), reason="this kernel has no Landlock")
@pytest.mark.parametrize(
    "statement",
    [
        "open('/etc/passwd')",
        "open('/proc/self/environ')",
        "open('{folder}/secret')",
        "os.listdir('{folder}')",
        "open('/tmp/offhook-confined', 'w')",
        "open('{folder}/x', 'w')",
        "os.mkdir('{folder}/x')",
        "os.unlink('{folder}/secret')",
    ],
)
def test_it_reads_and_writes_no_files(tmp_path: Path, statement: str) -> None:
    (tmp_path / "secret").write_text("hunter2")
    assert attempt(tmp_path, statement.format(folder=tmp_path)) == NOT_PERMITTED


def test_its_memory_and_its_output_have_a_limit(tmp_path: Path) -> None:
    assert attempt(tmp_path, "bytearray(600 << 20)") == "MemoryError"
    with (tmp_path / "out").open("wb") as out:
        program = tmp_path / "write.py"
        program.write_text(
            "import os\ntry: os.write(1, b'x' * 2000)\nexcept OSError: os._exit(7)\n"
            "try: os.write(1, b'x')\nexcept OSError: os._exit(8)\n"
        )
        command = confined_program(program, memory=512 << 20, file_size=1000)
        done = subprocess.run(
            command, stdout=out, env=worker_environment(), timeout=60, check=False
        )
    assert done.returncode == 8
    assert (tmp_path / "out").stat().st_size == 1000


@LINUX
def test_set_user_id_programs_give_it_nothing(tmp_path: Path) -> None:
    asks_whether = "sys.exit(0) if libc.prctl(39, 0, 0, 0, 0) == 1 else None"
    assert attempt(tmp_path, asks_whether) == "SystemExit"


def test_it_can_still_do_the_work(tmp_path: Path) -> None:
    modules = "import numpy, soxr, soundfile, miniaudio, json, offhook.speech.decode_worker"
    assert attempt(tmp_path, modules) == "done"
    assert attempt(tmp_path, "numbers = __import__('resource').getrusage(0)") == "done"


@LINUX
def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    program = tmp_path / "sleep.py"
    program.write_text("import time, os\nos.write(1, b'x')\ntime.sleep(1000)\n")
    command = confined_program(program, memory=512 << 20, file_size=0)
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import os, subprocess, sys\n"
        f"child = subprocess.Popen({command!r}, stdout=subprocess.PIPE)\n"
        "child.stdout.read(1)\nprint(child.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, str(parent)], stdout=subprocess.PIPE, timeout=60, check=False
    )
    pid = int(done.stdout)
    for _ in range(1000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if state.rpartition(")")[2].split()[0] == "Z":
            return
        os.sched_yield()
    pytest.fail("the worker outlived its parent")


def test_the_filter_refuses_what_it_names_on_every_architecture() -> None:
    """The classic BPF program, run by hand."""
    for column, (machine, architecture) in enumerate(confined.ARCHITECTURES.items()):
        program = confined.filter_program(machine)
        for name, numbers in confined.REFUSED.items():
            if numbers[column] is not None:
                assert verdict(program, architecture, numbers[column] or 0) == confined.REFUSE, name
        assert (
            verdict(program, architecture, confined.PRLIMIT[column], argument=1) == confined.REFUSE
        )
        assert verdict(program, architecture, confined.PRLIMIT[column]) == confined.ALLOW
        assert verdict(program, architecture, 0) == confined.ALLOW
        assert verdict(program, architecture + 1, 0) == confined.KILL
    x86 = confined.filter_program("x86_64")
    assert verdict(x86, confined.ARCHITECTURES["x86_64"], confined.X32 | 41) == confined.REFUSE


def verdict(program: bytes, architecture: int, number: int, argument: int = 0) -> int:
    """What the filter answers to one system call."""
    data = {confined.NUMBER_AT: number, confined.ARCHITECTURE_AT: architecture}
    data[confined.FIRST_ARGUMENT_AT] = argument
    steps = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        code, yes, no, value = steps[at]
        match code:
            case confined.LOAD:
                loaded, at = data[value], at + 1
            case confined.RETURN:
                return int(value)
            case confined.JUMP_EQUAL:
                at += 1 + (yes if loaded == value else no)
            case confined.JUMP_AT_LEAST:
                at += 1 + (yes if loaded >= value else no)
