"""Files mapped into memory, without a descriptor each.

Python's ``mmap`` keeps a descriptor for every mapping, and descriptors are what a voice process runs out of
first. So this calls the C library: the mapping ends when the last view of it is freed, on any thread.
"""

from __future__ import annotations

import ctypes
import functools
import os
import weakref
from types import ModuleType
from typing import Final, final

import numpy as np

_PROT_READ: Final = 1
_MAP_SHARED: Final = 1
_MADV_DONTNEED: Final = 4
"""The same numbers on Linux, macOS and the BSDs."""
_FAILED: Final = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int64,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


@final
class Mapping:
    """Octets that nobody may change. Each view of them keeps them alive."""

    __slots__ = ("__array_interface__", "__weakref__", "_address", "_memory", "size")

    def __init__(self, address: int, size: int, memory: object = None) -> None:
        """``memory``: kept alive with this object."""
        self._address = address
        self._memory = memory
        self.size = size
        self.__array_interface__ = {
            "version": 3,
            "shape": (size,),
            "typestr": "|u1",
            "data": (address, True),  # read-only
        }

    @classmethod
    def of(cls, octets: bytes) -> Mapping:
        """A copy in memory, where no file can be made."""
        memory = ctypes.create_string_buffer(octets, len(octets))
        return cls(ctypes.addressof(memory), len(octets), memory)

    @property
    def octets(self) -> memoryview:
        """A read-only view."""
        return np.asarray(self).data

    def give_pages_back(self) -> None:
        """Unmap the pages of a file that were read. They stay in the kernel's cache, and are mapped again
        when they are read."""
        if self._memory is None:
            _libc.madvise(self._address, self.size, _MADV_DONTNEED)


def map_file(descriptor: int, size: int) -> Mapping:
    """The first ``size`` octets (at least 1) of an open file, which may be closed afterwards.

    Where the native media engine is built, a file that becomes shorter while it is mapped is silent from
    there on; without it that ends the process. Raises :class:`OSError`.
    """
    address = _libc.mmap(None, size, _PROT_READ, _MAP_SHARED, descriptor, 0)
    if address is None or address == _FAILED:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    mapping = Mapping(address, size)
    guards = _guards()
    if guards is not None:
        guards.guard(address, size)
    weakref.finalize(mapping, _unmap, address, size).atexit = False
    return mapping


def _unmap(address: int, size: int) -> None:
    guards = _guards()
    if guards is not None:
        guards.unguard(address)
    _libc.munmap(address, size)


@functools.cache
def _guards() -> ModuleType | None:
    """The module that handles reads behind the end of a file; None: it is not built."""
    try:
        from offhook.media.native import native_engine
    except ImportError:
        return None
    return native_engine.core
