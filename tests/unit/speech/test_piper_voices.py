"""Voices of Piper that are added: what is read from their files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offhook.speech.piper_voices import (
    NoVoice,
    add_voice,
    added_voices,
    installed_piper_voices,
    voice_and_speaker,
)

FACTS: dict[str, Any] = {
    "audio": {"sample_rate": 22050},
    "espeak": {"voice": "en-gb"},
    "language": {"code": "en_GB", "name_english": "English"},
    "num_speakers": 2,
    "speaker_id_map": {"second": 1, "first": 0},
    "phoneme_type": "espeak",
    "phoneme_id_map": {"_": [0], "a": [14], " ": [3]},
}


def handed_out(folder: Path, name: str = "en_GB-test-medium", **changes: Any) -> Path:
    """The two files of a voice."""
    model = folder / f"{name}.onnx"
    model.write_bytes(b"\x08\x08")
    Path(f"{model}.json").write_text(json.dumps(FACTS | changes))
    return model


def test_an_added_voice_is_found_with_its_speakers(tmp_path: Path) -> None:
    voices = tmp_path / "piper"
    add_voice(handed_out(tmp_path), voices)
    (voice,) = added_voices(voices)
    assert (voice.name, voice.locale, voice.phonemes) == ("en_GB-test-medium", "en-GB", "gmw/en")
    assert voice.speakers == ("first", "second")
    assert [each.id for each in installed_piper_voices(voices)] == [
        "en_GB-test-medium#0",
        "en_GB-test-medium#1",
    ]
    assert installed_piper_voices(voices)[0].tags == {"en-gb": 0, "en": 1}
    assert voice_and_speaker("en_GB-test-medium#1") == ("en_GB-test-medium", 1)


def test_the_model_says_what_sherpa_asks_for_and_is_not_changed_otherwise(tmp_path: Path) -> None:
    add_voice(handed_out(tmp_path), tmp_path / "piper")
    folder = tmp_path / "piper" / "en_GB-test-medium"
    octets = (folder / "model.onnx").read_bytes()
    assert octets.startswith(b"\x08\x08")
    assert b"sample_rate\x12\x0522050" in octets
    assert (folder / "tokens.txt").read_text() == "_ 0\na 14\n  3\n"


def test_a_voice_that_is_added_again_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    first = add_voice(handed_out(tmp_path), tmp_path / "piper")
    model = handed_out(tmp_path)
    model.write_bytes(b"\x08\x09")
    second = add_voice(model, tmp_path / "piper")
    assert added_voices(tmp_path / "piper") == [second]
    assert first.sha256 != second.sha256


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phoneme_type": "text"}, "only voices with espeak phonemes"),
        ({"espeak": {"voice": "xx"}}, "has no voice xx"),
        ({"language": None}, "does not describe a voice"),
        ({"phoneme_id_map": {"a": []}}, "does not describe a voice"),
        ({"num_speakers": "many", "speaker_id_map": {}}, "does not describe a voice"),
    ],
)
def test_what_is_no_voice_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(NoVoice, match=said):
        add_voice(handed_out(tmp_path, **changes), tmp_path / "piper")
    assert added_voices(tmp_path / "piper") == []


def test_a_voice_without_its_description_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "x.onnx"
    model.write_bytes(b"")
    with pytest.raises(NoVoice, match=r"x\.onnx\.json: No such file"):
        add_voice(model, tmp_path / "piper")
    with pytest.raises(NoVoice, match="no name of a voice"):
        add_voice(handed_out(tmp_path, "a b"), tmp_path / "piper")
