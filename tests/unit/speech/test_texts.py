"""Texts before they are spoken: nothing to speak, and the pieces of long ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.speech.texts import PIECE, is_speakable, pause_behind, pieces, weight

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


def test_the_first_piece_is_short_and_each_next_one_up_to_twice_as_long() -> None:
    text = "Hello there. " + "This is a sentence of some forty signs. " * 30
    cut = [piece.text for piece in pieces(text, first=60, longest=160)]
    weights = [weight(piece) for piece in cut]
    assert "".join(cut) == text
    assert weights[0] <= 60
    assert all(later <= 160 for later in weights)
    assert weights[1] <= 120
    assert all(piece.rstrip().endswith(".") for piece in cut)


def test_a_sentence_without_a_clause_in_reach_is_not_torn_for_the_first_words() -> None:
    text = "This sentence has no comma and is longer than the first piece should be. Then another."
    first, second = pieces(text, first=40, longest=160)
    assert first.text.endswith("should be. ")
    assert second.text == "Then another."


def test_a_long_first_sentence_is_cut_behind_its_first_clause() -> None:
    text = "Good morning, this is the clinic on Main Street that you called about an appointment."
    first, *_ = pieces(text, first=30, longest=160)
    assert first.text == "Good morning, "


@given(st.text(alphabet="ab .,;!?\u3002\n", max_size=600), st.integers(10, 80))
def test_pieces_of_any_length_lose_nothing(text: str, first: int) -> None:
    cut = pieces(text, first=first, longest=160)
    assert "".join(piece.text for piece in cut) == text
    assert all(weight(piece.text) <= 160 for piece in cut)


@pytest.mark.parametrize(
    ("piece", "pause"),
    [("Hello. ", 0.25), ("Well, ", 0.1), ("Hello.", 0.0), ("word ", 0.0), ("", 0.0), ("a\n", 0.25)],
)
def test_blanks_at_the_end_of_a_piece_say_that_more_follows(piece: str, pause: float) -> None:
    assert pause_behind(piece) == pause
