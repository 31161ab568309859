"""Rules about one action: -1011, -1017, -1014, -1016, -1002, -1003, -1008, -1005, -1006, -1004.

Interpretations of ``spec/status-codes.md``:

* A member counts as provided when it is there and not null. Its type and range are checked by -1009; a
rule that needs the value is applied only when the type is right.
* A destination that holds several numbers (-1011) is not also -1017.
* ``voiceProfile`` and ``language`` name different languages when their languages differ; regions may
  differ (``en-US-JennyNeural`` with ``en-GB``). Some languages have several names
  (:data:`.neighbours.SAME_LANGUAGE`).
* ``maxDigits`` may break -1003 and -1008 at once, and is then listed twice.
* ``endMessage`` is judged by its characters in every sayAndCapture, though only v1.1 speaks it.
* -1004 asks for an enabled VCA webhook wherever in the list the sayAndCapture stands.
* An empty ``dtmfCallbackUrl`` is no URL (-1009), not an absent one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from offhook.codes import StatusCode
from offhook.flow import numbers, table
from offhook.flow.context import ANY_SOURCE, WITHHELD_SOURCES, JudgingContext
from offhook.flow.neighbours import language_of
from offhook.flow.problems import Problem, problem
from offhook.flow.shape import Draft, ShapedRequest

Rule = Callable[[Draft, ShapedRequest, JudgingContext], Iterator[Problem]]

_UNSPEAKABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"  # not in XML 1.0's Char
    "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd]"  # private use
)


def speakable(text: str) -> bool:
    """Whether XML 1.0 can carry ``text`` and none of it is private use (-1016)."""
    return (text.isprintable() and text.isascii()) or _UNSPEAKABLE.search(text) is None


def _one_destination(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    destination = draft.values.get("destination")
    if destination is None:
        return
    several = isinstance(destination, list) or numbers.names_several(str(destination))
    if several or (request.legacy and draft.index and _differs_from_first(draft, request)):
        yield problem(StatusCode.MULTIPLE_DESTINATIONS, draft.param("destination"))


def _differs_from_first(draft: Draft, request: ShapedRequest) -> bool:
    here, first = (_destination(d) for d in (draft, request.drafts[0]))
    return here is not None and first is not None and here != first


def _destination(draft: Draft) -> str | None:
    return numbers.destination_number(draft.text("destination") or "")


def _destination_dialable(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    destination = draft.text("destination")
    if destination is None or numbers.names_several(destination):
        return
    if numbers.destination_number(destination) is None:
        yield problem(StatusCode.INVALID_DESTINATION, draft.param("destination"))


def _source_allowed(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    source = draft.text("source")
    if source is not None and not source_allowed(source, facts):
        yield problem(StatusCode.SOURCE_NOT_ALLOWED, draft.param("source"))


def source_allowed(source: str, facts: JudgingContext) -> bool:
    """Whether a sub-account may call from ``source``, as a customer spells it (-1014)."""
    if source in WITHHELD_SOURCES:
        return facts.withheld_allowed
    number = numbers.source_number(source)
    return number is not None and (number in facts.sources or ANY_SOURCE in facts.sources)


def _texts_speakable(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    assert draft.row is not None
    assert draft.params is not None
    for param in draft.row.params:
        if param.spoken:
            name = param.name if param.alias is None or draft.given(param.name) else param.alias
            yield from _text_speakable(draft, name)
    for name in draft.row.also_checked:
        yield from _text_speakable(draft, name)


def _text_speakable(draft: Draft, name: str) -> Iterator[Problem]:
    assert draft.params is not None
    text = draft.params.get(name)
    if isinstance(text, str) and not speakable(text):
        yield problem(StatusCode.INVALID_CHARACTERS, draft.param(name))


def _voice_known(draft: Draft, request: ShapedRequest, facts: JudgingContext) -> Iterator[Problem]:
    code, language = draft.text("voice_profile"), draft.text("language")
    profile = facts.profiles.find(code) if code is not None else None
    if code is not None and profile is None:
        yield _voice_problem(draft, "voiceProfile", code, facts)
    if language is None:
        return
    differs = profile is not None and language_of(profile.locale) != language_of(language)
    if differs or not facts.profiles.speaks(language):
        yield _voice_problem(draft, "language", language, facts)


def _voice_problem(draft: Draft, name: str, asked: str, facts: JudgingContext) -> Problem:
    """A -1002; it names usable profiles near the one that was asked for."""
    near = facts.profiles.near(asked)
    advice = f"Usable profiles near it: {', '.join(near)}" if near else ""
    return problem(StatusCode.SPEECH_PROFILE, draft.param(name), advice)


def _max_digits_with_min(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    if draft.given("minDigits") and not _digits_limit_valid(draft, draft.integer("min_digits")):
        yield problem(StatusCode.MAX_DIGITS_WITH_MIN, draft.param("maxDigits"))


def _max_digits_without_hash(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    if draft.values.get("complete_on_hash") is False and not _digits_limit_valid(draft, None):
        yield problem(StatusCode.MAX_DIGITS_WITHOUT_HASH, draft.param("maxDigits"))


def _digits_limit_valid(draft: Draft, at_least: int | None) -> bool:
    """Whether ``maxDigits`` is there, in range and not below; one of a wrong type is reported by -1009
    only."""
    limit = draft.integer("max_digits")
    if limit is None:
        return draft.given("maxDigits")
    return 1 <= limit <= table.MOST_DIGITS and (at_least is None or limit >= at_least)


def _overall_timeout_given(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    if draft.given("digitTimeout") and not draft.given("overallTimeout"):
        yield problem(StatusCode.OVERALL_TIMEOUT_REQUIRED, draft.param("overallTimeout"))


def _overall_timeout_suffices(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    digit, overall = draft.integer("digit_timeout"), draft.integer("overall_timeout")
    if digit is not None and overall is not None and overall < digit:
        yield problem(StatusCode.OVERALL_TIMEOUT_TOO_SHORT, draft.param("overallTimeout"))


def _digits_have_a_place(
    draft: Draft, request: ShapedRequest, facts: JudgingContext
) -> Iterator[Problem]:
    if not facts.has_vca and not draft.given("dtmfCallbackUrl"):
        yield problem(StatusCode.DTMF_CALLBACK, draft.param("dtmfCallbackUrl"))


_CALLED: tuple[Rule, ...] = (_one_destination, _destination_dialable, _source_allowed)
_SPOKEN: tuple[Rule, ...] = (_texts_speakable, _voice_known)
_CAPTURED: tuple[Rule, ...] = (
    _max_digits_with_min,
    _max_digits_without_hash,
    _overall_timeout_given,
    _overall_timeout_suffices,
    _digits_have_a_place,
)

RULES: dict[str, tuple[Rule, ...]] = {
    "makeCall": _CALLED,
    "say": (*_CALLED, *_SPOKEN),
    "sayAndCapture": (*_CALLED, *_SPOKEN, *_CAPTURED),
    "playFile": _CALLED,
    "hangup": (),
    "executeScenario": (_texts_speakable,),
}
"""The rules for each action, in the order of judgement. Actions have numbers in v1.1 only."""
