"""Texts before they are spoken: nothing to speak, and the pieces of long ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.speech.texts import PIECE, is_speakable, pieces, weight

NI_HAO = "\u4f60\u597d\u3002"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "?!",
        "-",
        " ",
        "\n\n",
        "\u00a0",
        "\u200f\u200d",
        ",,,",
        "\u2026",
        "\ufe0f",
        "\x01",
    ],
)
def test_blanks_punctuation_and_invisible_characters_are_nothing_to_speak(text: str) -> None:
    assert not is_speakable(text)


@pytest.mark.parametrize(
    "text", ["a", "5", "\u4f60", "\U0001f600", "$", "+", "\u0663", "\u00bd", "...a"]
)
def test_letters_digits_symbols_and_pictographs_are(text: str) -> None:
    assert is_speakable(text)


@given(st.text(max_size=3000))
def test_nothing_is_lost_and_no_piece_is_too_long(text: str) -> None:
    cut = pieces(text)
    assert "".join(piece.text for piece in cut) == text
    assert all(weight(piece.text) <= PIECE for piece in cut)
    assert all(piece.text for piece in cut) or text == ""


def test_a_usual_text_is_one_piece() -> None:
    text = "Hello, this is a reminder. Your appointment is tomorrow at ten o'clock."
    assert [piece.text for piece in pieces(text)] == [text]


def test_texts_are_cut_behind_sentences() -> None:
    english = "This is one sentence of a long text. " * 80
    assert all(piece.text.endswith("text. ") for piece in pieces(english))
    chinese = pieces(NI_HAO * 1000)
    assert 25 <= len(chinese) <= 35
    assert all(piece.text.endswith("\u3002") for piece in chinese)
    assert {piece.pause for piece in chinese[:-1]} == {0.25}
    assert chinese[-1].pause == 0


def test_without_sentences_they_are_cut_at_commas_then_blanks_then_anywhere() -> None:
    assert all(p.text.endswith(", ") for p in pieces("one two three, " * 100)[:-1])
    assert all(p.text.endswith(" ") for p in pieces("word " * 200)[:-1])
    assert [len(p.text) for p in pieces("x" * 1000)] == [400, 400, 200]


def test_a_number_or_an_abbreviation_is_not_cut() -> None:
    assert all(not piece.text.endswith("3.") for piece in pieces("pi is 3.14159 " * 60))


def test_marks_stay_with_their_letter() -> None:
    for piece in pieces("\u0928\u093f" * 600):
        assert piece.text.startswith("\u0928")
    for piece in pieces("\U0001f44d\U0001f3fd" * 300):
        assert piece.text.startswith("\U0001f44d")
