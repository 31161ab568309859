"""Prompts as they are kept and played."""

from __future__ import annotations

import pytest

from offhook.media import g711
from offhook.negotiated import LAWS
from offhook.speech.prompt import G711Prompt

PCM = b"\x00\x10" * 4000


def test_a_prompt_holds_both_laws_and_copies_nothing() -> None:
    prompt = G711Prompt.of_pcm(PCM)
    assert prompt.duration == 0.5
    assert prompt.size == 8000
    for law in LAWS:
        view = prompt.encoded(law)
        assert view == g711.encode(law, PCM)
        assert view.readonly
        assert view.obj is prompt.encoded(law).obj


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError):
        G711Prompt.of_pcm(b"\0")
    with pytest.raises(ValueError, match="same number"):
        G711Prompt(b"\0")


def test_a_remark_goes_with_the_prompt() -> None:
    assert G711Prompt(b"\0\0", remark="the file ends early").remark == "the file ends early"
    assert G711Prompt(b"\0\0").remark == ""
