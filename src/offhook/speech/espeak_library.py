"""espeak-ng's library, for the programs that load it. It stands alone: it imports nothing of Offhook.

espeak-ng is GPL-3.0, so nothing else may load it: :mod:`.espeak_worker`, which speaks with it, and
:mod:`.kokoro_worker` and :mod:`.piper_worker`, which take phonemes from it, are programs of their own.
"""

from __future__ import annotations

import ctypes

import espeakng_loader

SYNCHRONOUS = 2
DONT_EXIT = 0x8000
CHARS_UTF8 = 1


class Voice(ctypes.Structure):
    """``espeak_VOICE`` (espeak-ng ``speak_lib.h``)."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


def load() -> tuple[ctypes.CDLL, int]:
    """The library, ready, and its samples a second. Raises :class:`OSError`."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(
        SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), DONT_EXIT
    )
    if rate <= 0:
        raise OSError("espeak-ng cannot read its data")
    library.espeak_GetCurrentVoice.restype = ctypes.POINTER(Voice)
    return library, rate


def select(library: ctypes.CDLL, voice: str) -> bool:
    """Speak with ``voice`` from now on; False: there is none.

    An unknown name or variant leaves another voice speaking: ask which one it is.
    """
    library.espeak_SetVoiceByName(voice.encode())
    current = library.espeak_GetCurrentVoice()
    return bool(current) and current.contents.identifier == voice.encode()


def plain(text: str) -> bytes:
    """``text`` without controls: 0x01 begins a command, 0x00 ends the text.

    Without the SSML and phoneme flags every other character is text.
    """
    return "".join(c if c >= " " else " " for c in text).encode("utf-8", "replace") + b"\0"
