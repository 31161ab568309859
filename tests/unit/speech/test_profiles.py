"""The table of speech profiles over the installed voices."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.flow.context import Profiles
from offhook.speech import espeak_voices
from offhook.speech.espeak_voices import installed_voices
from offhook.speech.locales import describe
from offhook.speech.profiles import ProfileTable

TABLE = ProfileTable.installed()
UNSPOKEN = {"fil", "gl", "jv", "km", "lo", "mn", "ps", "so", "su", "wuu", "zu"}


def test_it_is_what_the_judge_asks_for() -> None:
    profiles: Profiles = TABLE
    assert profiles.speaks("en")


@pytest.mark.parametrize(
    ("code", "found", "locale", "gender", "vendor"),
    [
        ("en-US-JennyNeural", "en-US-JennyNeural", "en-US", "F", "azure"),
        ("en-GB-RyanNeural", "en-GB-RyanNeural", "en-GB", "M", "azure"),
        ("en-GB-Ryan", "en-GB-RyanNeural", "en-GB", "M", "azure"),
        ("en-US-Standard-A", "en-US-Standard-A", "en-US", "", "google"),
        ("da-DK-Naja", "da-DK-Naja", "da-DK", "F", "polly"),
        ("zh-CN-henan-YundengNeural", "zh-CN-henan-YundengNeural", "zh-CN-henan", "M", "azure"),
    ],
)
def test_a_code_is_found_exactly_or_without_its_trailing_neural(
    code: str, found: str, locale: str, gender: str, vendor: str
) -> None:
    profile = TABLE.find(code)
    assert profile is not None
    assert (profile.code, profile.locale, profile.gender, profile.vendor) == (
        found,
        locale,
        gender,
        vendor,
    )


@pytest.mark.parametrize(
    "code",
    ["", "Neural", "en-us-jennyneural", "en-US-JennyNeuralNeural", "en-US", "en-US-Jen", " en-US"],
)
def test_anything_else_is_unknown(code: str) -> None:
    assert TABLE.find(code) is None


def test_a_profile_whose_language_no_engine_speaks_is_unknown() -> None:
    assert TABLE.find("zu-ZA-ThandoNeural") is None
    listed = {profile.locale_code.partition("-")[0] for profile in TABLE.listed()}
    assert listed.isdisjoint(UNSPOKEN)
    assert not any(TABLE.speaks(language) for language in UNSPOKEN)
    assert len(TABLE.listed()) == 942


@pytest.mark.parametrize("language", ["en", "en-GB", "EN-gb", "de-CH", "zh-CN-henan", "es-419"])
def test_languages_that_are_spoken(language: str) -> None:
    assert TABLE.speaks(language)


@pytest.mark.parametrize(
    "language",
    ["", "english", "xx", "xx-XX", "en_GB", "en-", "-en", "e", "en-GB\n", "tlh", "../en"],
)
def test_languages_that_are_not(language: str) -> None:
    assert not TABLE.speaks(language)


@pytest.mark.parametrize(
    ("profile", "language", "expected"),
    [
        ("en-US-JennyNeural", None, "gmw/en-US+f2"),
        ("en-US-GuyNeural", "en-GB", "gmw/en-US"),
        (None, "de-DE", "gmw/de"),
        ("en-US-Standard-A", None, "gmw/en-US"),
        ("nonsense", "de-DE", None),
        (None, "zu", None),
        (None, None, None),
    ],
)
def test_the_profile_decides_the_voice_and_the_language_where_there_is_none(
    profile: str | None, language: str | None, expected: str | None
) -> None:
    voice = TABLE.voice(profile, language)
    assert (voice and voice.id) == expected


def test_every_listed_profile_has_a_voice_and_a_description_in_words() -> None:
    for listed in TABLE.listed():
        assert TABLE.voice(listed.speech_profile_code, None) is not None
        assert listed.gender in ("M", "F", "")
        assert "(" in listed.locale_description
        assert listed.locale_code.partition("-")[0] != listed.locale_description.partition(" ")[0]


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en-GB", "English (United Kingdom)"),
        ("zh-CN-henan", "Chinese (China, Henan)"),
        ("nb-NO", "Norwegian Bokmål (Norway)"),
        ("de", "German"),
        ("qq-QQ", "qq (QQ)"),
    ],
)
def test_descriptions_of_locales(locale: str, text: str) -> None:
    assert describe(locale) == text


def test_the_voices_say_how_many_profiles_they_serve() -> None:
    uses = {use.voice.id: use.profiles for use in TABLE.voices()}
    assert uses["gmw/en-US+f2"] > 20
    assert sum(uses.values()) == len(TABLE.listed())


def test_a_voice_file_is_read_as_the_engine_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lang" / "gmw" / "xx"
    file.parent.mkdir(parents=True)
    file.write_text("name Test (Here) // not this\nlanguage xx-YY 2\nlanguage xx\nstatus testing\n")
    (tmp_path / "xx_dict").touch()
    (tmp_path / "lang" / "gmw" / "none").write_text("name No language\n")
    (tmp_path / "lang" / "gmw" / "yy").write_text("name No dictionary\nlanguage yy\n")
    (tmp_path / "lang" / "gmw" / "zz").write_text("language zz\ndictionary xx\n")
    (tmp_path / "lang" / "art").mkdir()
    (tmp_path / "tlh_dict").touch()
    (tmp_path / "lang" / "art" / "tlh").write_text("name Klingon\nlanguage tlh\n")
    monkeypatch.setattr(espeak_voices, "data_folder", lambda: tmp_path)
    plain, female, other, _ = installed_voices()
    assert (plain.id, plain.gender, plain.tags) == ("gmw/xx", "M", {"xx-yy": 2, "xx": 5})
    assert plain.description == "Test (Here)"
    assert (female.id, female.gender) == ("gmw/xx+f2", "F")
    assert other.id == "gmw/zz"


def test_without_an_engine_every_profile_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak_voices, "data_folder", lambda: None)
    table = ProfileTable.installed()
    assert table.listed() == ()
    assert table.find("en-US-JennyNeural") is None
    assert not table.speaks("en")
