"""The examples: their handlers without a call, and each ``run.py`` for real."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from examples.advanced_ivr import server as restaurant
from examples.appointment_reminder import server as reminders
from examples.number_masking import server as masking
from examples.otp_call import server as passwords
from examples.simple_ivr import server as simple

from offhook.testing import Offhook

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(folder.parent.name for folder in EXAMPLES.glob("*/run.py"))


def example(name: str) -> tuple[Offhook, Path]:
    """An Offhook with the example's configuration, and its callflow."""
    return Offhook(EXAMPLES / name / "offhook.toml"), EXAMPLES / name / "callflow.json"


# --- a simple IVR


@pytest.mark.parametrize(
    ("key", "words"), [("1", "nine to six"), ("2", "Orchard Road"), ("3", "not one of our choices")]
)
def test_each_key_of_the_menu(key: str, words: str) -> None:
    offhook, callflow = example("simple_ivr")
    offhook.vca(simple.decide)
    offhook.phone("+12025550101").hears("address").presses(key).hears(words).hears("goodbye")
    assert offhook.call(callflow).status == "COMPLETED"


def test_nobody_presses_a_key() -> None:
    offhook, callflow = example("simple_ivr")
    offhook.vca(simple.decide)
    call = offhook.call(callflow)
    assert call.spoken.count("Sorry, I did not get that.") == 2
    assert call.spoken[-1] == "Goodbye."


# --- an IVR of three levels

CALLER, RESTAURANT = "+12025550155", "+6568332048"


@pytest.fixture
def open_restaurant() -> Offhook:
    restaurant.reservations.clear()
    offhook, _ = example("advanced_ivr")
    offhook.vca(restaurant.decide)
    return offhook


def test_a_table_is_booked(open_restaurant: Offhook) -> None:
    phone = open_restaurant.phone(CALLER).hears("press 1 for reservations").presses("1")
    phone.hears("book a table").presses("1").hears("how many").presses("4")
    phone.hears("four digits").presses("1930").hears("a table for 4 at 19 30").hears("see you soon")
    call = open_restaurant.inbound(to=RESTAURANT, from_=CALLER)
    assert call.status == "COMPLETED"
    (booked,) = restaurant.reservations.values()
    assert booked == {"caller": CALLER, "guests": 4, "time": "1930"}
    assert [question.get("clientActionId") for question in call.asked] == [
        None,
        "menu",
        "reservations",
        "guests",
        "time:4",
    ]


def test_a_time_when_it_is_closed_is_asked_for_again(open_restaurant: Offhook) -> None:
    open_restaurant.phone(CALLER).presses_in_turn("1", "1", "2", "0930", "1275", "1300")
    open_restaurant.inbound(to=RESTAURANT, from_=CALLER)
    (booked,) = restaurant.reservations.values()
    assert booked["time"] == "1300"


def test_a_booking_is_cancelled(open_restaurant: Offhook) -> None:
    restaurant.reservations["207"] = {"caller": CALLER, "guests": 2, "time": "2000"}
    open_restaurant.phone(CALLER).presses_in_turn("1", "2", "207").hears("is cancelled")
    open_restaurant.inbound(to=RESTAURANT, from_=CALLER)
    assert restaurant.reservations == {}


def test_wrong_ways_lead_back_to_the_menu(open_restaurant: Offhook) -> None:
    phone = open_restaurant.phone(CALLER).presses_in_turn("2", "1", "9", "1", "2", "999")
    phone.hears("do not know that booking").hears("press 1 for reservations").hangs_up()
    assert open_restaurant.inbound(to=RESTAURANT, from_=CALLER).status == "COMPLETED"


def test_the_restaurant_calls_back(open_restaurant: Offhook) -> None:
    open_restaurant.phone("+12025550100").presses_in_turn("1", "1", "4", "1930").hears("see you")
    call = open_restaurant.call(EXAMPLES / "advanced_ivr" / "callflow.json")
    assert (call.status, len(restaurant.reservations)) == ("COMPLETED", 1)


# --- number masking

OURS, RIDER, DRIVER = "+6568332048", "+12025550155", "+12025550107"


@pytest.mark.parametrize(("caller", "other"), [(RIDER, DRIVER), (DRIVER, RIDER)])
def test_each_reaches_the_other_and_sees_our_number(caller: str, other: str) -> None:
    offhook, _ = example("number_masking")
    offhook.vca(masking.decide)
    offhook.phone(caller).hears("hello").says("Where are you?")
    offhook.phone(other).says("Hello.").hears("where are you").waits(1).hangs_up()
    call = offhook.inbound(to=OURS, from_=caller)
    assert call.status == "COMPLETED"
    assert f"{other} from {OURS}" in [moment.text for moment in call.timeline]
    legs = call.summary["details"]
    assert (legs["callB"]["source"], legs["callB"]["destination"]) == (OURS, other)


def test_strangers_are_told_that_the_number_is_not_in_use() -> None:
    offhook, _ = example("number_masking")
    offhook.vca(masking.decide)
    offhook.phone("+12025550199").hears("not in use any more")
    assert offhook.inbound(to=OURS, from_="+12025550199").status == "COMPLETED"


def test_a_driver_who_is_busy_makes_the_rider_hear_busy() -> None:
    offhook, _ = example("number_masking")
    offhook.vca(masking.decide)
    offhook.phone(DRIVER).busy()
    call = offhook.inbound(to=OURS, from_=RIDER)
    assert (call.status, call.a.refused_with) == ("BUSY", 486)


def test_a_platform_connects_both() -> None:
    offhook, callflow = example("number_masking")
    offhook.vca(masking.decide)
    offhook.phone("+12025550100").says("Hello.").waits(2).hangs_up()
    offhook.phone(DRIVER).hears("your rider would like").hears("hello")
    assert offhook.call(callflow).status == "COMPLETED"


# --- one-time passwords


def test_a_code_is_spoken_digit_by_digit_and_twice() -> None:
    offhook, _ = example("otp_call")
    call = offhook.call(passwords.callflow("+12025550100", "314159"))
    assert call.spoken == ["Your code is: 3, 1, 4, 1, 5, 9."] * 2


def test_a_code_is_good_once_and_survives_few_guesses() -> None:
    codes = passwords.Codes()
    code = codes.new("+12025550100")
    assert re.fullmatch(r"\d{6}", code)
    assert not codes.verify("+12025550100", "wrong")
    assert codes.verify("+12025550100", code)
    assert not codes.verify("+12025550100", code)
    code = codes.new("+12025550100")
    for _ in range(passwords.TRIES):
        assert not codes.verify("+12025550100", "wrong")
    assert not codes.verify("+12025550100", code)


# --- reminders

MOBILE, HOME = "+12025550102", "+12025550101"


def reminder() -> reminders.Reminder:
    return reminders.Reminder("Ann", [MOBILE, HOME], "tomorrow at ten")


@pytest.mark.parametrize(
    ("key", "outcome"), [("1", "confirmed"), ("2", "to be moved"), ("9", "no key")]
)
def test_the_key_decides_about_the_appointment(key: str, outcome: str) -> None:
    offhook, _ = example("appointment_reminder")
    ann = reminder()
    offhook.vca(ann.decide)
    offhook.phone(MOBILE).hears("your appointment is tomorrow at ten").presses(key)
    call = offhook.call(ann.next_call())
    assert (ann.outcome, ann.again(call.summary)) == (outcome, False)


def test_who_is_busy_is_called_again_elsewhere() -> None:
    offhook, _ = example("appointment_reminder")
    ann = reminder()
    offhook.vca(ann.decide)
    offhook.phone(MOBILE).busy()
    offhook.phone(HOME).hears("press 1").presses("1")
    called = []
    while True:
        call = offhook.call(ann.next_call())
        called.append((call.a.number, call.status))
        if not ann.again(call.summary):
            break
        offhook.wait(300)
    assert called == [(MOBILE, "BUSY"), (HOME, "COMPLETED")]
    assert ann.outcome == "confirmed"


def test_after_three_attempts_it_gives_up() -> None:
    offhook, _ = example("appointment_reminder")
    ann = reminder()
    offhook.vca(ann.decide)
    offhook.phone(MOBILE).no_answer()
    offhook.phone(HOME).unreachable()
    results = []
    while ann.again((call := offhook.call(ann.next_call())).summary):
        results.append(call.status)
    assert results == ["NO_ANSWER", "FAILED"]
    assert (ann.outcome, ann.attempts) == ("not reached", 3)


# --- for real


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "appointment_reminder" else [pytest.mark.full])
        for name in NAMES
    ],
)
def test_it_runs(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name / "run.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"SESSION_ENDED +COMPLETED", done.stdout)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_it_is_complete(name: str) -> None:
    folder = EXAMPLES / name
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert files == {"README.md", "callflow.json", "offhook.toml", "run.py", "server.py"}
    assert f"python examples/{name}/run.py" in (folder / "README.md").read_text()
    assert f"| `{name}` |" in (EXAMPLES / "README.md").read_text()
    body: dict[str, Any] = json.loads((folder / "callflow.json").read_text())
    assert body["callflow"][0]["action"] == "makeCall"
