"""Runs a program that reads customers' files or texts, in a process that may do nothing else.

Run by its path: ``python -I confined.py --memory N --file-size N [--cpu N] [--threads] [--read FOLDER]
PROGRAM …``. It imports nothing
but the standard library, takes away what the program does not need, and runs PROGRAM in the same process:

========================  ===========================================================================
rlimits                   memory, processor, size of a written file, descriptors, processes (not as root)
``no_new_privs``          set-user-id programs give nothing
niceness                  the voice process goes first
``PR_SET_PDEATHSIG``      the process ends with its parent
Landlock                  files: only Python's own folders may be read, nothing may be written or made
seccomp                   no sockets, no processes or threads, no other program, no look into or signal to
                          other processes, no io_uring (which would go around the filter)
========================  ===========================================================================

With ``--threads`` the program may start threads, with ``--read`` it may read that folder too. All but the
rlimits exist on Linux only. Where the kernel lacks one, the others still apply;
:func:`missing` says
which, and the voice process logs it at its start. The descriptors that the parent handed over stay open.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import os
import platform
import resource
import runpy
import signal
import struct
import sys
from collections.abc import Iterable

PR_SET_PDEATHSIG, PR_GET_SECCOMP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 21, 22, 38
SECCOMP_MODE_FILTER = 2
LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_IF_SET, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL = 0x7FFF_0000, 0x8000_0000
REFUSE = 0x0005_0000 | 1
"""The call fails with EPERM."""
UNKNOWN = 0x0005_0000 | errno.ENOSYS
"""The call fails with ENOSYS, after which libc tries an older one."""
CLONE_THREAD = 0x1_0000
NUMBER_AT, ARCHITECTURE_AT, FIRST_ARGUMENT_AT = 0, 4, 16
X32 = 0x4000_0000
"""Calls of x86-64's second ABI have numbers from here on."""

ARCHITECTURES = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
REFUSED = {
    # name: (x86-64, aarch64); None: the architecture does not have it
    "socket": (41, 198),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "connect": (42, 203),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "clone": (56, 220),
    "clone3": (435, 435),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "open_by_handle_at": (304, 265),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
PRLIMIT = (302, 261)
"""Allowed for the process itself (its first argument is 0)."""

LANDLOCK_CREATE, LANDLOCK_ADD, LANDLOCK_RESTRICT = 444, 445, 446
LANDLOCK_ALL = (1 << 13) - 1
"""The file operations that ABI 1 can forbid: execute, write, read, list, remove and make of every kind."""
LANDLOCK_READ = 1 << 2 | 1 << 3
NICENESS = 10
"""Gives the voice processes priority: a decoder that takes a whole core makes gaps in other calls."""
FILES = 64
"""Descriptors, those handed over included."""


def missing() -> list[str]:
    """The names of the Linux mechanisms that this system does not have."""
    if sys.platform != "linux":
        return ["seccomp", "Landlock", "no_new_privs"]
    libc = ctypes.CDLL(None, use_errno=True)
    lacks = []
    if platform.machine() not in ARCHITECTURES or libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0:
        lacks.append("seccomp")
    if libc.syscall(LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1) < 1:
        lacks.append("Landlock")
    return lacks


def limit(which: int, value: int) -> None:
    """Set the soft and the hard limit; a system without this limit, or with a lower one, stays as it is."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (value, value))


def confine(limits: argparse.Namespace) -> None:
    """Take away what the program does not need; the order of the steps matters, since each step removes
    rights."""
    os.nice(NICENESS)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit fails like any other
    limit(resource.RLIMIT_AS, limits.memory)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, limits.file_size)
    limit(resource.RLIMIT_NOFILE, FILES)
    if os.getuid() != 0 and not limits.threads:  # the kernel does not count root's processes
        limit(resource.RLIMIT_NPROC, 0)
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    restrict_files(libc, [*readable_folders(), limits.program, *limits.read])
    refuse_calls(libc, threads=limits.threads)


def readable_folders() -> list[str]:
    """Python, its packages, and the system's libraries."""
    folders = [sys.prefix, sys.base_prefix, *sys.path, os.path.dirname(os.path.abspath(__file__))]
    folders += ["/usr/lib", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null"]
    folders += ["/dev/urandom", "/usr/lib/locale"]
    real = (os.path.realpath(folder) for folder in folders if folder)
    return [path for path in dict.fromkeys(real) if path != "/" and os.path.exists(path)]


def restrict_files(libc: ctypes.CDLL, readable: Iterable[str]) -> None:
    """Landlock (Linux 5.13): only ``readable`` may be read, nothing may be written or made."""
    handled = struct.pack("=Q", LANDLOCK_ALL)
    rules = libc.syscall(LANDLOCK_CREATE, handled, ctypes.c_size_t(len(handled)), 0)
    if rules < 0:
        return
    for path in readable:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = LANDLOCK_READ if os.path.isdir(path) else LANDLOCK_READ & ~(1 << 3)
        libc.syscall(LANDLOCK_ADD, rules, 1, struct.pack("=Qi", allowed, place), 0)
        os.close(place)
    libc.syscall(LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def refuse_calls(libc: ctypes.CDLL, *, threads: bool) -> None:
    """seccomp: the calls of :data:`REFUSED` fail with EPERM from now on."""
    machine = platform.machine()
    if machine not in ARCHITECTURES:
        return
    program = filter_program(machine, threads=threads)
    octets = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        """``struct sock_fprog``."""

        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    described = Program(len(program) // 8, ctypes.addressof(octets))
    libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0)


def filter_program(machine: str, *, threads: bool = False) -> bytes:
    """The filter in classic BPF; each instruction is (code, jump if true, jump if false, value).

    ``threads``: ``clone`` is allowed when it makes a thread. ``clone3`` hides its flags from a filter, so
    it does not exist then, and libc takes ``clone``.
    """
    column = list(ARCHITECTURES).index(machine)
    steps = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_EQUAL, 1, 0, ARCHITECTURES[machine]),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        steps += [(JUMP_AT_LEAST, 0, 1, X32), (RETURN, 0, 0, REFUSE)]
    if threads:
        steps += [
            (JUMP_EQUAL, 0, 1, REFUSED["clone3"][column] or 0),
            (RETURN, 0, 0, UNKNOWN),
            (JUMP_EQUAL, 0, 4, REFUSED["clone"][column] or 0),
            (LOAD, 0, 0, FIRST_ARGUMENT_AT),
            (JUMP_IF_SET, 0, 1, CLONE_THREAD),
            (RETURN, 0, 0, ALLOW),
            (RETURN, 0, 0, REFUSE),
        ]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            steps += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE)]
    steps += [
        (JUMP_EQUAL, 0, 3, PRLIMIT[column]),
        (LOAD, 0, 0, FIRST_ARGUMENT_AT),
        (JUMP_EQUAL, 1, 0, 0),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def main() -> None:
    """Confine this process, then run the program in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--file-size", type=int, required=True)
    parser.add_argument("--cpu", type=int)
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--read", action="append", default=[])
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    if asked.cpu:
        limit(resource.RLIMIT_CPU, asked.cpu)
    confine(asked)
    sys.argv = [asked.program, *asked.arguments]
    runpy.run_path(asked.program, run_name="__main__")


if __name__ == "__main__":
    main()
