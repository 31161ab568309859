"""Which usable profiles a -1002 names."""

from __future__ import annotations

import pytest
from tests.unit.flow.flow_requests import call_and, capture, judged, say

from offhook.flow.context import Profile
from offhook.flow.neighbours import NEIGHBOURS, ProfileNeighbours, language_of
from offhook.speech.profiles import ProfileTable

TABLE = ProfileTable.installed()


@pytest.mark.parametrize("asked", ["fil", "tl", "fil-PH", "fil-PH-BlessicaNeural", "tl-PH"])
def test_filipino_has_indonesian_malay_and_spanish_near_it(asked: str) -> None:
    near = [code.partition("-")[0] for code in TABLE.near(asked)]
    assert near == ["id", "ms", "es"]


@pytest.mark.parametrize(
    ("asked", "locales"),
    [
        ("en-GB-NobodyNeural", ["en-GB"] * 3),
        ("en-GB", ["en-GB"] * 3),
        ("EN-gb-x", ["en-GB"] * 3),
        ("en", None),
        ("zh-CN-Nobody", ["zh-CN"] * 3),
        ("cmn-CN-Nobody", None),
        ("nn-NO-Nobody", ["nb-NO"] * 3),
        ("zu-ZA-ThandoNeural", None),
        ("", None),
        ("Joey", None),
        ("x" * 300_000, None),
        ("\U0001f600-\ud800", None),
    ],
)
def test_the_same_language_and_its_region_come_first(asked: str, locales: list[str] | None) -> None:
    near = TABLE.near(asked)
    assert 1 <= len(near) <= 3
    profiles = [TABLE.find(code) for code in near]
    found = [profile.locale for profile in profiles if profile is not None]
    assert len(found) == len(near), "only usable profiles are named"
    if locales is not None:
        assert found == locales


def test_every_language_of_the_table_that_no_engine_speaks_has_neighbours() -> None:
    for language in ("fil", "gl", "jv", "km", "lo", "mn", "ps", "so", "su", "wuu", "zu"):
        assert TABLE.near(language)


def test_without_a_usable_neighbour_nothing_is_named() -> None:
    assert ProfileNeighbours([]).near("en") == ()
    only = ProfileNeighbours([Profile(code="ja-JP-A", locale="ja-JP")])
    assert only.near("fil") == ()
    assert only.near("ja") == ("ja-JP-A",)


def test_neighbours_are_languages_not_aliases() -> None:
    for language, near in NEIGHBOURS.items():
        assert language_of(language) == language
        assert all(language_of(one) == one != language for one in near)


def test_a_1002_keeps_its_exact_text_and_gives_the_advice_in_errors() -> None:
    verdict = judged(call_and(say(voiceProfile="fil-PH-Nobody")))
    (problem,) = verdict.problems
    assert verdict.status_message == "Speech profile or language parameter invalid"
    assert problem.told == (
        "Speech profile or language parameter invalid. Usable profiles near it: id-ID-ArdiNeural"
    )


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"voiceProfile": "en-US-Jenny"}, None),
        ({"voiceProfile": "en-US-JennyNeural", "language": "en-GB"}, None),
        ({"voiceProfile": "nb-NO-PernilleNeural", "language": "nn-NO"}, None),
        ({"voiceProfile": "nb-NO-PernilleNeural", "language": "no"}, None),
        ({"voiceProfile": "cmn-CN-Standard-A", "language": "zh-CN"}, None),
        ({"voiceProfile": "nb-NO-PernilleNeural", "language": "en"}, "language"),
        ({"voiceProfile": "en-US-Jen"}, "voiceProfile"),
        ({"voiceProfile": ..., "language": "xx"}, "language"),
    ],
)
def test_voices_that_are_usable_and_that_are_not(
    members: dict[str, object], code: str | None
) -> None:
    for act in (say(**members), capture(**members)):
        paths = [problem.path for problem in judged(call_and(act)).problems]
        assert paths == ([] if code is None else [f"$.callflow[1].params.{code}"])
