"""The table of speech profiles, as ``speech-profiles.tsv`` has it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from offhook.flow.context import Profile


@cache
def profile_rows() -> tuple[Profile, ...]:
    """Every profile of the contract, spoken here or not."""
    text = files("offhook.speech").joinpath("speech-profiles.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return tuple(
        Profile(code=code, locale=locale, gender=gender, vendor=vendor)
        for code, locale, gender, vendor in rows
    )
