"""Customers' patterns: RE2's dialect, whole values, and bounds on what they may cost."""

from __future__ import annotations

import time

import pytest

from offhook import patterns
from offhook.patterns import InvalidPattern, Matcher, TooManySteps, check_pattern


def fits(pattern: str, value: str) -> bool:
    return Matcher().fits(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("", "", "x"),
        ("[A-Za-z ]+", "Ann Lee", "Ann-Lee"),
        (r"\d{4}-\d{2}-\d{2}", "2026-07-03", "2026-7-3"),
        (r"\+?[1-9][0-9]{6,14}", "+6512341234", "+0512341234"),
        ("yes|no", "no", "nope"),
        ("(Mr|Ms)? [A-Z][a-z]*", "Ms Lee", "Mx Lee"),
        (r"[^@]+@[^@]+\.[a-z]{2,9}", "a@b.example", "a@b"),
        ("(?P<year>[0-9]{4})", "2026", "26"),
        ("(?i)abc", "ABC", "ABD"),
        (r"[\pL ']{1,50}", "Zoë O'Neil", "Zoë 2"),
        (".{1,3}", "äöü", "äöüß"),
        (".*", "one line", "two\nlines"),
        ("(?s).*", "two\nlines", "x" * (patterns.LONGEST_MATCHED + 1)),
        ("[a-z]+", "abc", "abc\n"),
        ("a$", "a", "a\n"),
        (r"\d+", "12", "\u0661\u0662"),
        (r"\w+", "abc_1", "é"),
        ("(a+)+b", "aab", "a" * 36),
    ],
)
def test_the_whole_value_must_match(pattern: str, good: str, bad: str) -> None:
    assert fits(pattern, good)
    assert not fits(pattern, bad)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "missing ): ("),
        ("*", "no argument for repetition operator: *"),
        ("a{2,1}", "invalid repetition size: {2,1}"),
        ("a{1001}", "invalid repetition size: {1001}"),
        (r"(a)\1", r"invalid escape sequence: \1"),
        ("(?P<a>x)(?P=a)", "invalid perl operator: (?P"),
        ("(?=a)a", "invalid perl operator: (?="),
        ("(?x)(a+) +b", "invalid perl operator: (?x"),
        ("(?x:(a+) +)b", "invalid perl operator: (?x"),
        ("(é", "missing ): (é"),
        (r"(?:\pL{1,100}){1,9}", "pattern too large"),
        ("a" * 501, "500 characters"),
        ("\ud800", "surrogates"),
    ],
)
def test_what_the_dialect_lacks_is_refused_with_a_reason(
    pattern: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InvalidPattern) as caught:
        check_pattern(pattern)
    assert reason in str(caught.value)
    with pytest.raises(InvalidPattern):
        fits(pattern, "x")
    assert capfd.readouterr() == ("", ""), "a customer's text does not reach the log"


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a*)*b", "(a|a)*b", "(a|b|ab)+c", "(a?){500}b", "(.*)(.*)(.*)(.*)b", "((a+)+)+b"],
)
def test_no_pattern_runs_away(pattern: str) -> None:
    began = time.process_time()
    assert not fits(pattern, "a" * patterns.LONGEST_MATCHED)
    assert time.process_time() - began < 5, "2^512 steps would not end at all"


def test_all_values_of_a_request_together_are_bounded() -> None:
    matcher, value = Matcher(), "a" * patterns.LONGEST_MATCHED
    assert matcher.fits("(a?){999}(a?){999}", value)
    with pytest.raises(TooManySteps):
        [matcher.fits("(a?){999}(a?){999}", value) for _ in range(10)]


def test_a_hundred_ordinary_parameters_are_within_the_bound() -> None:
    matcher = Matcher()
    assert all(matcher.fits(r"[A-Za-z0-9 .,'-]{1,200}", "x" * 200) for _ in range(20))
    assert all(matcher.fits(r"\+?[1-9][0-9]{6,14}", "+6512341234") for _ in range(100))
