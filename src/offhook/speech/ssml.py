"""Texts that are SSML (``<speak>`` …): for engines that take it as it is, for the others its words. Pure."""

from __future__ import annotations

import re
from html import unescape
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

MOST_NESTED: Final = 100
_BEGINS = re.compile(r"\s*(<\?xml[^>]*>\s*)?<speak[\s>]", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>?")
_BREAKS: Final = frozenset({"p", "s", "break"})
"""Elements that end a sentence or make a pause: their words are not run together."""


class NotSsml(Exception):
    """It cannot be parsed; the text says why."""


def is_ssml(text: str) -> bool:
    """Whether ``text`` says that it is markup."""
    return _BEGINS.match(text) is not None


def words(text: str) -> str:
    """The words of an SSML text, without its markup; where it is broken, what is left without tags.

    ``<sub alias="…">`` gives its alias, ``<break>`` a comma where no punctuation stands.
    """
    try:
        return _Words().of(text)
    except NotSsml:
        return " ".join(unescape(_TAG.sub(" ", text)).split())


def inner(text: str) -> str:
    """What stands inside ``<speak>``, as markup, with the voices of other vendors taken out.

    Raises :class:`NotSsml`.
    """
    _Words().of(text)
    body = text[text.lower().index("<speak") :]
    opened = body.index(">") + 1
    closed = body.rindex("</")
    return re.sub(r"</?voice\b[^>]*>", "", body[opened:closed])


def bare_document(text: str, *, rate: str = "") -> str:
    """``text``, plain or SSML, inside ``<speak>``, at ``rate`` as the engine writes it; empty: the usual.

    Raises :class:`NotSsml`.
    """
    said = inner(text) if is_ssml(text) else escape(plain(text))
    return f"<speak>{_at_rate(said, rate)}</speak>"


def document(text: str, language: str, *, voice: str, rate: str = "") -> str:
    """SSML for an engine that takes nothing else: ``text``, plain or SSML, by ``voice``.

    Raises :class:`NotSsml`.
    """
    said = _at_rate(inner(text) if is_ssml(text) else escape(plain(text)), rate)
    return (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" '
        'xmlns:mstts="https://www.w3.org/2001/mstts" '
        f"xml:lang={quoteattr(language)}><voice name={quoteattr(voice)}>{said}</voice></speak>"
    )


def _at_rate(said: str, rate: str) -> str:
    return f'<prosody rate="{rate}">{said}</prosody>' if rate else said


def plain(text: str) -> str:
    """``text`` without the controls that XML does not allow."""
    return "".join(c if c >= " " or c in "\t\n" else " " for c in text)


class _Words:
    """Collects the words; entities and document types are refused, so that nothing expands."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._depth = 0
        self._silent = 0

    def of(self, text: str) -> str:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        try:
            parser.Parse(plain(text), True)
        except expat.ExpatError as error:
            raise NotSsml(str(error)) from error
        return " ".join("".join(self._found).split()).replace(" ,", ",")

    def _refuse(self, *_: object) -> None:
        raise NotSsml("a document type is not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_NESTED:
            raise NotSsml("nested too deeply")
        if name == "sub" and "alias" in attributes:
            self._found.append(attributes["alias"])
            self._silent += 1
        elif name == "break" and self._needs_mark():
            self._found.append(", ")
        elif name in _BREAKS:
            self._found.append(" ")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "sub" and self._silent:
            self._silent -= 1
        elif name in ("p", "s"):
            self._found.append(". " if self._needs_mark() else " ")

    def _data(self, data: str) -> None:
        if not self._silent:
            self._found.append(data)

    def _needs_mark(self) -> bool:
        said = "".join(self._found).rstrip()
        return bool(said) and said[-1].isalnum()
