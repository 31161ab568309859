"""Which voice comes nearest to a wish."""

from __future__ import annotations

import pytest

from offhook.speech.voice_index import EngineVoice, VoiceIndex


def voice(id_: str, gender: str = "M", **tags: int) -> EngineVoice:
    named = {tag.replace("_", "-"): priority for tag, priority in tags.items()}
    return EngineVoice(engine="e", id=id_, tags=named, gender=gender)


INDEX = VoiceIndex(
    [
        voice("en", en_gb=2, en=2),
        voice("en+f", "F", en_gb=2, en=2),
        voice("en-US", en_us=2, en=3),
        voice("en-US+f", "F", en_us=2, en=3),
        voice("es", es=5),
        voice("es-419", es_419=5, es_mx=6),
        voice("cmn", cmn=5, zh=5),
        voice("cmn-Latn", cmn=5, zh=5),
        voice("yue", yue=5, zh=8),
        voice("de-de-only+f", "F", de_de=5),
    ]
)


@pytest.mark.parametrize(
    ("locale", "gender", "expected"),
    [
        ("en-GB", "M", "en"),
        ("en-GB", "F", "en+f"),
        ("en-US", "F", "en-US+f"),
        ("EN-us", "F", "en-US+f"),
        ("en-US", "", "en-US"),
        ("en", "", "en"),
        ("en-AU", "F", "en+f"),
        ("en-CA", "F", "en-US+f"),
        ("es-ES", "", "es"),
        ("es-MX", "", "es-419"),
        ("es-AR", "", "es-419"),
        ("es-GQ", "", "es"),
        ("zh-CN", "", "cmn"),
        ("zh-CN-henan", "", "cmn"),
        ("zh-HK", "", "yue"),
        ("yue-CN", "", "yue"),
        ("de-AT", "", "de-de-only+f"),
        ("es-ES", "F", "es"),
    ],
)
def test_language_then_region_then_gender_decide(locale: str, gender: str, expected: str) -> None:
    found = INDEX.nearest(locale, gender)
    assert found is not None
    assert found.id == expected


@pytest.mark.parametrize("locale", ["fil-PH", "x", "", "-", "e", "english"])
def test_a_language_nobody_speaks_has_no_voice(locale: str) -> None:
    assert INDEX.nearest(locale) is None
