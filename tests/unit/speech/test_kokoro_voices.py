"""Which voice speaks a profile when Kokoro is installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.speech.test_profiles import UNSPOKEN

from offhook.config import Voices
from offhook.speech import kokoro_voices
from offhook.speech.profiles import ProfileTable

STYLES = (
    *("af_heart", "af_bella", "am_michael", "bf_emma", "bm_george", "ef_dora", "em_alex"),
    *("ff_siwis", "hf_alpha", "hm_omega", "if_sara", "pf_dora", "zf_xiaobei"),
)


def table_of_languages() -> list[list[str]]:
    """The rows of the table in ``docs/voices.md``: languages, engine, voices."""
    lines = (Path(__file__).parents[3] / "docs" / "voices.md").read_text().splitlines()
    rows = [
        line.strip("|").split("|")
        for line in lines[lines.index("| language | engine | voices |") :]
    ]
    return [[cell.strip() for cell in row] for row in rows[2:] if len(row) == 3]


def test_the_page_about_voices_names_what_kokoro_speaks() -> None:
    written = {
        languages: int(voices.split(",")[0])
        for languages, engine, voices in table_of_languages()
        if engine.startswith("Kokoro")
    }
    styles = kokoro_voices.STYLES
    for first, accents in kokoro_voices.ACCENTS.items():
        name = accents[0].description.removesuffix(")")
        (languages,) = [each for each in written if each.startswith(name)]
        assert written.pop(languages) == sum(style[0] == first for style in styles), languages
    assert not written


def test_the_page_about_voices_names_the_languages_without_a_voice() -> None:
    (nobody,) = [row[0] for row in table_of_languages() if row[1] == "none"]
    assert set(nobody.split(", ")) == UNSPOKEN


@pytest.fixture
def settings(tmp_path: Path) -> Voices:
    """A folder where those styles are installed, without a model."""
    folder = tmp_path / "kokoro"
    folder.mkdir()
    files = {f"voices/{style}.bin": "0" * 64 for style in STYLES}
    (folder / "installed.json").write_text(json.dumps({"files": files}))
    return Voices(folder=str(tmp_path))


@pytest.mark.parametrize(
    ("profile", "voice"),
    [
        ("en-US-JennyNeural", "af_heart@gmw/en-US"),
        ("en-US-AriaNeural", "af_bella@gmw/en-US"),
        ("en-US-GuyNeural", "am_michael@gmw/en-US"),
        ("en-US-Wavenet-A", "af_heart@gmw/en-US"),
        ("en-GB-SoniaNeural", "bf_emma@gmw/en"),
        ("en-GB-RyanNeural", "bm_george@gmw/en"),
        ("en-IN-PrabhatNeural", "bm_george@gmw/en"),
        ("es-ES-ElviraNeural", "ef_dora@roa/es"),
        ("es-MX-DaliaNeural", "ef_dora@roa/es-419"),
        ("es-AR-TomasNeural", "em_alex@roa/es-419"),
        ("fr-CH-ArianeNeural", "ff_siwis@roa/fr-CH"),
        ("fr-FR-HenriNeural", "ff_siwis@roa/fr"),
        ("pt-BR-FranciscaNeural", "pf_dora@roa/pt-BR"),
        ("zh-CN-XiaoxiaoNeural", "zf_xiaobei@zh"),
    ],
)
def test_language_region_likeness_and_gender_decide(
    settings: Voices, profile: str, voice: str
) -> None:
    found = ProfileTable.installed(settings).voice(profile, None)
    assert found is not None
    assert (found.engine, found.id) == ("kokoro", voice)


@pytest.mark.parametrize(
    "profile", ["de-DE-KatjaNeural", "zh-HK-HiuMaanNeural", "yue-CN-XiaoMinNeural"]
)
def test_a_language_that_kokoro_does_not_speak_stays_with_espeak(
    settings: Voices, profile: str
) -> None:
    found = ProfileTable.installed(settings).voice(profile, None)
    assert found is not None
    assert found.engine == "espeak-ng"


def test_the_next_engine_is_named_for_when_the_first_one_fails(settings: Voices) -> None:
    choices = ProfileTable.installed(settings).choices("en-US-JennyNeural", None)
    assert [voice.engine for voice in choices] == ["kokoro", "espeak-ng"]


def test_the_order_of_the_configuration_decides_and_who_is_not_named_is_not_used(
    settings: Voices,
) -> None:
    turned = Voices(folder=settings.folder, order=("espeak-ng", "kokoro"))
    first = ProfileTable.installed(turned).voice("en-US-JennyNeural", None)
    assert first is not None
    assert first.engine == "espeak-ng"
    alone = Voices(folder=settings.folder, order=("kokoro",))
    assert ProfileTable.installed(alone).voice(None, "de-DE") is None


def test_a_profile_list_says_engine_and_voice(settings: Voices) -> None:
    listed = {each.speech_profile_code: each for each in ProfileTable.installed(settings).listed()}
    jenny = listed["en-US-JennyNeural"]
    assert (jenny.engine, jenny.voice) == ("kokoro", "af_heart@gmw/en-US")
    assert listed["de-DE-KatjaNeural"].engine == "espeak-ng"


def test_without_the_runtime_nothing_is_installed(
    settings: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert kokoro_voices.installed_kokoro_voices(Path(settings.folder or "") / "kokoro") == ()
