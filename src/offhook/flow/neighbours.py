"""Finds usable speech profiles near one that is not usable: the hint of a -1002.

``spec/status-codes.md`` asks for up to three profiles of the same or the nearest language. The same
language comes first, its own region before others. Where no profile of the language is usable, profiles of
its neighbours in :data:`NEIGHBOURS` are named in turn: languages that share a script and
many words, or that many of the speakers also know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice, zip_longest

from offhook.flow.context import Profile

MOST_NAMED = 3

_LONGEST_ASKED = 32
"""Characters that are examined: more than a language and a region have."""

SAME_LANGUAGE: Mapping[str, str] = {
    "cmn": "zh",
    "yue": "zh",
    "wuu": "zh",
    "nb": "no",
    "nn": "no",
    "tl": "fil",
    "iw": "he",
    "in": "id",
}
"""Other subtags of a language: vendors name the same voices by either."""

NEIGHBOURS: Mapping[str, tuple[str, ...]] = {
    "af": ("nl", "de", "en"),
    "ast": ("es", "gl", "pt"),
    "az": ("tr", "fa", "ru"),
    "be": ("ru", "uk", "pl"),
    "bs": ("hr", "sr", "sl"),
    "fil": ("id", "ms", "es"),
    "fy": ("nl", "de", "en"),
    "gd": ("ga", "en", "cy"),
    "gl": ("pt", "es", "ca"),
    "ha": ("ar", "en", "fr"),
    "jv": ("id", "ms", "su"),
    "kk": ("ru", "tr", "uz"),
    "km": ("th", "vi", "lo"),
    "kok": ("mr", "hi", "kn"),
    "ky": ("kk", "ru", "tr"),
    "lb": ("de", "fr", "nl"),
    "lo": ("th", "vi", "km"),
    "mn": ("ru", "zh", "kk"),
    "no": ("da", "sv", "en"),
    "oc": ("ca", "fr", "es"),
    "ps": ("fa", "ur", "hi"),
    "rw": ("sw", "fr", "en"),
    "so": ("ar", "sw", "am"),
    "sr": ("hr", "bs", "mk"),
    "st": ("en", "af", "zu"),
    "su": ("id", "ms", "jv"),
    "tg": ("fa", "ru", "uz"),
    "tk": ("tr", "az", "uz"),
    "tt": ("tr", "ru", "kk"),
    "ug": ("uz", "kk", "zh"),
    "wo": ("fr", "en", "ar"),
    "xh": ("zu", "af", "en"),
    "yo": ("en", "fr", "pt"),
    "zu": ("xh", "af", "en"),
}
"""The nearest languages, the nearest first; a language that is not here has English."""

_OTHERWISE = ("en",)


def language_of(tag: str) -> str:
    """The language of a BCP 47 tag or of a profile's code: ``zh`` for ``cmn-CN-Standard-A``."""
    primary = tag.partition("-")[0].lower()
    return SAME_LANGUAGE.get(primary, primary)


class ProfileNeighbours:
    """The usable profiles by language. A look-up is cheap: a hostile request may cause hundreds."""

    def __init__(self, profiles: Iterable[Profile]) -> None:
        self._by_language: dict[str, list[Profile]] = {}
        for profile in profiles:
            self._by_language.setdefault(language_of(profile.locale), []).append(profile)
        self._known = lru_cache(maxsize=1024)(self._look_up)

    def near(self, asked: str) -> tuple[str, ...]:
        """Up to three codes for a BCP 47 tag (``fil-PH``) that may be the beginning of a code."""
        return self._known(asked[:_LONGEST_ASKED])

    def _look_up(self, asked: str) -> tuple[str, ...]:
        language = language_of(asked)
        if same := self._by_language.get(language):
            name, region = _language_and_region(asked)

            def distance(profile: Profile) -> tuple[bool, bool]:
                its_name, its_region = _language_and_region(profile.locale)
                return its_region != region, its_name != name

            return tuple(profile.code for profile in sorted(same, key=distance)[:MOST_NAMED])
        neighbours = NEIGHBOURS.get(language, _OTHERWISE)
        lists = [self._by_language[near] for near in neighbours if near in self._by_language]
        in_turn = (one for ones in zip_longest(*lists) for one in ones if one is not None)
        return tuple(profile.code for profile in islice(in_turn, MOST_NAMED))


def _language_and_region(tag: str) -> tuple[str, str]:
    """``en`` and ``gb`` of ``en-GB-Emma``."""
    language, region, *_ = (*tag.lower().split("-"), "")
    return language, region
