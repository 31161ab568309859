"""SSML: its words for engines that do not take it, and as it is for those that do."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.speech.ssml import NotSsml, bare_document, document, inner, is_ssml, words

BOMB = '<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><speak>&b;</speak>'


@pytest.mark.parametrize(
    "text",
    ["<speak>Hi</speak>", "  <speak version='1.0'>x</speak>", "<?xml version='1.0'?><speak>"],
)
def test_a_text_that_begins_with_speak_is_ssml(text: str) -> None:
    assert is_ssml(text)


@pytest.mark.parametrize("text", ["Hi <speak>", "speak", "a < b", "<speaker>x", "<b>x</b>", ""])
def test_any_other_text_is_text(text: str) -> None:
    assert not is_ssml(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<speak>Hello <emphasis>dear</emphasis> friend.</speak>", "Hello dear friend."),
        ("<speak>Wait<break time='2s'/>here</speak>", "Wait, here"),
        ("<speak>Wait. <break/>Here</speak>", "Wait. Here"),
        ("<speak><sub alias='Doctor'>Dr.</sub> Smith</speak>", "Doctor Smith"),
        ("<speak><s>One</s><s>Two</s></speak>", "One. Two."),
        ("<speak>5 &lt; 6 &amp; 7</speak>", "5 < 6 & 7"),
        ("<speak>broken <b>markup</speak>", "broken markup"),
        ("<speak>half <brea", "half"),
        ("<speak></speak>", ""),
    ],
)
def test_engines_that_do_not_take_it_get_its_words(text: str, said: str) -> None:
    assert words(text) == said


def test_nothing_expands() -> None:
    assert is_ssml("<speak>")
    assert not is_ssml(BOMB)
    with pytest.raises(NotSsml, match="document type"):
        inner(BOMB)
    with pytest.raises(NotSsml, match="deep"):
        inner("<speak>" + "<s>" * 500 + "</s>" * 500 + "</speak>")


@given(st.text())
def test_a_plain_text_comes_out_of_a_document_as_it_went_in(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    allowed = "".join(c for c in text if c not in "\r\ufffe\uffff" and c >= " ")
    root = ElementTree.fromstring(document(allowed, "en-US", voice='a"b', rate="1.5"))
    assert "".join(root.itertext()) == allowed or is_ssml(allowed)


def test_ssml_keeps_its_markup_but_not_another_vendors_voice() -> None:
    text = "<speak><voice name='Joanna'>Hi<break time='1s'/></voice></speak>"
    assert inner(text) == "Hi<break time='1s'/>"
    assert bare_document(text, rate="150%") == (
        "<speak><prosody rate=\"150%\">Hi<break time='1s'/></prosody></speak>"
    )
