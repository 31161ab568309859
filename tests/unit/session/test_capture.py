"""sayAndCapture as a table: parameters and timed keys in; digits, tries, what was played and when it
was decided out (spec/execution.md, "sayAndCapture").

The prompt lasts 2 s and each message 1 s; times are seconds from the start of the action. ``played``
is one letter for each thing begun: P prompt, S success message, F failure message.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from offhook.flow.actions import SayAndCapture
from offhook.session import capture

PROMPT, MESSAGE = 2.0, 1.0


class Result(NamedTuple):
    digits: str | None
    tries: int
    played: str
    at: float


def simulate(keys: str, **params: Any) -> Result:
    """Run the machine against a line where ``keys`` are pressed (``"2.5:1 3:#"``)."""
    action = SayAndCapture(prompt_message="P", voice_profile="v", **params)
    presses = [(float(at), key) for at, _, key in (press.partition(":") for press in keys.split())]
    machine = capture.Capture(action)
    now, played, ends_at = 0.0, "", None
    commands = machine.start()
    while True:
        for command in commands:
            match command:
                case capture.CaptureDone(digits=digits):
                    return Result(digits, machine.tries, played, round(now, 3))
                case capture.PlayPrompt():
                    played, ends_at = played + "P", now + PROMPT * action.repetition
                case capture.Speak(text=text):
                    played, ends_at = played + text, now + MESSAGE
                case capture.StopPrompt():
                    ends_at = None
        key_at = presses[0][0] if presses else None
        times = [at for at in (key_at, ends_at, machine.deadline) if at is not None]
        now = max(now, min(times))
        if key_at is not None and key_at <= now:
            commands = machine.digit(presses.pop(0)[1], now)
        elif ends_at is not None and ends_at <= now:
            ends_at = None
            if machine.stage is capture.CaptureStage.MESSAGE:
                commands = machine.message_ended()
            else:
                commands = machine.prompt_ended(now)
        else:
            commands = machine.tick(now)


def keys_at(start: float, keys: str, every: float = 0.5) -> str:
    return " ".join(f"{start + n * every}:{key}" for n, key in enumerate(keys))


SF = {"success_message": "S", "failure_message": "F"}
Case = tuple[str, dict[str, Any], Result]

MAX_DIGITS: list[Case] = [
    (
        keys_at(3, "1234567890*5"[:n]),
        {"max_digits": n},
        Result("1234567890*5"[:n], 1, "P", 3 + (n - 1) / 2),
    )
    for n in range(1, 13)
]  # the try ends with the last key allowed, after the prompt
MAX_DIGITS_25: list[Case] = [
    (keys_at(3, "1" * 24), {}, Result("1" * 24, 1, "P", 32)),
    (keys_at(3, "1" * 25), {}, Result("1" * 25, 1, "P", 15)),
    (keys_at(3, "1" * 26), {}, Result("1" * 25, 1, "P", 15)),
]
HASH: list[Case] = [
    (keys_at(3, "12"[:n] + "#"), {"min_digits": 1}, Result("12"[:n], 1, "P", 3 + n / 2))
    for n in (1, 2)
] + [
    ("3:#", {"no_of_tries": 1}, Result(None, 1, "P", 3)),
    ("3:#", {"no_of_tries": 1, "failure_message": "F"}, Result(None, 1, "PF", 4)),
    ("3:1 4:#", {"min_digits": 2, "no_of_tries": 1}, Result(None, 1, "P", 4)),
    ("3:1 4:#", {"complete_on_hash": False, "max_digits": 2}, Result("1#", 1, "P", 4)),
    ("3:#", {"complete_on_hash": False, "max_digits": 1}, Result("#", 1, "P", 3)),
    ("3:# 4:#", {"complete_on_hash": False, "max_digits": 2}, Result("##", 1, "P", 4)),
    ("3:* 4:#", {}, Result("*", 1, "P", 4)),
    ("3:* 4:*", {"max_digits": 2}, Result("**", 1, "P", 4)),
    ("3:1 4:* 5:#", {}, Result("1*", 1, "P", 5)),
    ("3:1 4:* 5:2", {"max_digits": 3, "complete_on_hash": False}, Result("1*2", 1, "P", 5)),
]
NOT_KEYS: list[Case] = [
    (f"3:{key} 4:1", {"max_digits": 1}, Result("1", 1, "P", 4)) for key in "ABCD"
]  # A to D are ignored wherever they come
EACH_KEY: list[Case] = [
    (f"3:{key}", {"max_digits": 1}, Result(key, 1, "P", 3)) for key in "0123456789*"
]
BARGE_IN: list[Case] = [
    (f"{at}:7", {"max_digits": 1}, Result("7", 1, "P", at)) for at in (0.0, 0.1, 1.0, 1.9)
] + [
    ("1:1 1.5:2", {"max_digits": 2}, Result("12", 1, "P", 1.5)),
    ("1:#", {"no_of_tries": 1}, Result(None, 1, "P", 1)),
    ("1:1 1.2:#", {}, Result("1", 1, "P", 1.2)),
    ("0:1 0:2 0:3", {"max_digits": 3}, Result("123", 1, "P", 0)),
    ("1:1", {"max_digits": 2, "overall_timeout": 5000}, Result("1", 1, "P", 6)),
    ("1:1", {"max_digits": 2, "overall_timeout": 500}, Result("1", 1, "P", 1.5)),
    ("3:1", {"max_digits": 1, "repetition": 3}, Result("1", 1, "P", 3)),
    ("5.9:1", {"max_digits": 1, "repetition": 3}, Result("1", 1, "P", 5.9)),
]
OVERALL: list[Case] = [
    ("", {"overall_timeout": ms, "no_of_tries": 1}, Result(None, 1, "P", 2 + ms / 1000))
    for ms in (1, 100, 1000, 5000, 30_000, 600_000)
] + [
    ("", {"no_of_tries": 1}, Result(None, 1, "P", 32)),
    ("", {"overall_timeout": 1000, "repetition": 2, "no_of_tries": 1}, Result(None, 1, "P", 5)),
    ("", {"overall_timeout": 1000, "repetition": 3, "no_of_tries": 1}, Result(None, 1, "P", 7)),
    ("3:1", {"overall_timeout": 5000}, Result("1", 1, "P", 7)),
    ("6.9:1", {"overall_timeout": 5000}, Result("1", 1, "P", 7)),
    ("3:1 4:2 5:3", {"overall_timeout": 5000}, Result("123", 1, "P", 7)),
    ("3:1", {"overall_timeout": 5000, "min_digits": 2, "no_of_tries": 1}, Result(None, 1, "P", 7)),
    ("3:1 7.5:2", {"overall_timeout": 5000}, Result("1", 1, "P", 7)),
]
DIGIT: list[Case] = [
    ("3:1", {"digit_timeout": 1000, "overall_timeout": 9000}, Result("1", 1, "P", 4)),
    ("3:1 3.9:2", {"digit_timeout": 1000, "overall_timeout": 9000}, Result("12", 1, "P", 4.9)),
    ("3:1 4.1:2", {"digit_timeout": 1000, "overall_timeout": 9000}, Result("1", 1, "P", 4)),
    (
        "",
        {"digit_timeout": 1000, "overall_timeout": 9000, "no_of_tries": 1},
        Result(None, 1, "P", 11),
    ),
    ("3:1", {"digit_timeout": 9000, "overall_timeout": 9000}, Result("1", 1, "P", 11)),
    ("10:1", {"digit_timeout": 5000, "overall_timeout": 9000}, Result("1", 1, "P", 11)),
    ("1:1", {"digit_timeout": 1000, "overall_timeout": 9000}, Result("1", 1, "P", 2)),
    (
        "3:1",
        {"digit_timeout": 1000, "overall_timeout": 9000, "min_digits": 2, "no_of_tries": 1},
        Result(None, 1, "P", 4),
    ),
    ("3:1 3.5:2 4:3 4.5:4", {"digit_timeout": 600}, Result("1234", 1, "P", 5.1)),
    ("3:1 3.5:#", {"digit_timeout": 1000}, Result("1", 1, "P", 3.5)),
]
MIN_DIGITS: list[Case] = [
    (
        keys_at(3, "9" * pressed),
        {"min_digits": least, "overall_timeout": 5000, "no_of_tries": 1},
        Result("9" * pressed if pressed >= least else None, 1, "P", 7),
    )
    for least in (1, 2, 3, 4)
    for pressed in (0, 1, 2, 3, 4, 5)
]
TRIES: list[Case] = (
    [
        ("", {"no_of_tries": n, "overall_timeout": 1000}, Result(None, n, "P" * n, 3 * n))
        for n in (1, 2, 3, 10)
    ]
    + [
        ("", {"no_of_tries": n, "overall_timeout": 1000, **SF}, Result(None, n, "PF" * n, 4 * n))
        for n in (1, 2, 3, 10)
    ]
    + [
        ("", {"overall_timeout": 1000}, Result(None, 3, "PPP", 9)),
        (
            "7:5",
            {"max_digits": 1, "overall_timeout": 1000, **SF},
            Result("5", 2, "PFPS", 7.5 + 0.5),
        ),
        ("6.5:5", {"max_digits": 1, "overall_timeout": 1000, **SF}, Result("5", 2, "PFPS", 7.5)),
        ("4.5:5", {"max_digits": 1, "overall_timeout": 1000, **SF}, Result("5", 2, "PFPS", 5.5)),
        ("9:5", {"max_digits": 1, "overall_timeout": 1000, **SF}, Result("5", 3, "PFPFPS", 10)),
        (
            "2.5:1",
            {"min_digits": 2, "overall_timeout": 1000, "no_of_tries": 2},
            Result(None, 2, "PP", 6),
        ),
        (
            "2.5:1 5.5:2 5.6:3",
            {"min_digits": 2, "max_digits": 2, "overall_timeout": 1000},
            Result("23", 2, "PP", 5.6),
        ),  # digits of a failed try do not count in the next
        ("2.5:# 3:# 3.1:#", {}, Result(None, 3, "PPP", 3.1)),
    ]
)
MESSAGES: list[Case] = [
    ("3:1", {"max_digits": 1, "success_message": "S"}, Result("1", 1, "PS", 4)),
    ("3:1", {"max_digits": 1, "failure_message": "F"}, Result("1", 1, "P", 3)),
    ("3:1 3.5:2", {"max_digits": 1, **SF}, Result("1", 1, "PS", 4)),
    ("", {"no_of_tries": 1, "overall_timeout": 1000, **SF}, Result(None, 1, "PF", 4)),
    ("3.5:1", {"no_of_tries": 1, "overall_timeout": 1000, **SF}, Result(None, 1, "PF", 4)),
    (
        "3.5:1",
        {"max_digits": 1, "no_of_tries": 2, "overall_timeout": 1000, **SF},
        Result(None, 2, "PFPF", 8),
    ),  # a key during a failure message belongs to no try
    (
        "",
        {"no_of_tries": 2, "overall_timeout": 1000, "failure_message": ""},
        Result(None, 2, "PP", 6),
    ),
]

TABLE = [
    *MAX_DIGITS,
    *MAX_DIGITS_25,
    *HASH,
    *NOT_KEYS,
    *EACH_KEY,
    *BARGE_IN,
    *OVERALL,
    *DIGIT,
    *MIN_DIGITS,
    *TRIES,
    *MESSAGES,
]


def test_the_table_is_complete() -> None:
    assert len(TABLE) >= 120


@pytest.mark.parametrize(("keys", "params", "expected"), TABLE)
def test_capture(keys: str, params: dict[str, Any], expected: Result) -> None:
    result = simulate(keys, **params)
    assert result[:3] == expected[:3]
    assert result.at == pytest.approx(expected.at)


def test_a_key_before_the_start_is_nobodys() -> None:
    machine = capture.Capture(SayAndCapture(prompt_message="P"))
    assert machine.digit("1", 0.0) == []
    assert machine.start() == [capture.PlayPrompt()]
    assert machine.deadline is None


def test_a_late_end_of_the_prompt_after_barge_in_changes_nothing() -> None:
    machine = capture.Capture(SayAndCapture(prompt_message="P", overall_timeout=1000))
    machine.start()
    assert machine.digit("1", 0.5) == [capture.StopPrompt()]
    assert machine.prompt_ended(1.2) == []
    assert machine.deadline == 1.5
