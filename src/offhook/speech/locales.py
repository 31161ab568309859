"""Names of the locales in the table of speech profiles, in English (after Unicode CLDR)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def describe(locale: str) -> str:
    """``localeDescription``: ``en-GB`` is ``English (United Kingdom)``.

    Further subtags follow the region: ``Chinese (China, Henan)``. What ``locales.tsv`` does not
    name stands as it was written.
    """
    names = _names()
    language, *rest = locale.split("-")
    places = [names.get(part, part.capitalize() if part.islower() else part) for part in rest]
    name = names.get(language, language)
    return f"{name} ({', '.join(places)})" if places else name


@cache
def _names() -> dict[str, str]:
    """Languages by their lower-case subtag, regions by their upper-case one."""
    text = files("offhook.speech").joinpath("locales.tsv").read_text("utf-8")
    return dict(line.split("\t") for line in text.splitlines()[1:])
