"""The bounds of what customers write: the last that is taken, and the first that is not."""

from __future__ import annotations

import pytest

from offhook.session.campaign import NewTarget
from offhook.session.last_resort_callflow import InvalidLastResort, read_last_resort
from offhook.session.menus import InvalidMenu, read_menu
from offhook.session.target_lists import ListProblem, UnreadableList, entries, read_csv

HANGUP = [{"action": "hangup"}]
NUMBER = "+6590000001"


def test_a_menu_has_up_to_200_callflows() -> None:
    callflows = {f"c{number}": HANGUP for number in range(200)}
    assert len(read_menu("m", {"first": "c0", "callflows": callflows}).callflows) == 200
    with pytest.raises(InvalidMenu, match="more than 200"):
        read_menu("m", {"first": "c0", "callflows": {**callflows, "one-more": HANGUP}})


def test_a_menu_has_up_to_2000_rows() -> None:
    rows = [{"menu": "a", "on": str(number), "next": "a"} for number in range(2001)]
    document = {"first": "a", "callflows": {"a": HANGUP}}
    menu = read_menu("m", {**document, "table": rows[:2000]})
    assert menu.after("a", "1999") == "a"
    with pytest.raises(InvalidMenu, match="at most 2000"):
        read_menu("m", {**document, "table": rows})


def test_a_callflow_of_last_resort_has_1_to_20_actions() -> None:
    assert read_last_resort({"callflow": HANGUP * 20}).count("hangup") == 20
    for actions in (HANGUP * 21, []):
        with pytest.raises(InvalidLastResort, match="1 to 20"):
            read_last_resort({"callflow": actions})


def test_a_target_has_up_to_50_parameters() -> None:
    names = {f"p{number}": "x" for number in range(50)}
    (good,) = entries([{"number": NUMBER, "parameters": names}])
    assert good == NewTarget(number=NUMBER, parameters=names)
    (bad,) = entries([{"number": NUMBER, "parameters": {**names, "more": "x"}}])
    assert bad == ListProblem(line=1, what="more than 50 parameters")


def test_a_list_has_up_to_50_columns_besides_the_number() -> None:
    names = [f"p{number}" for number in range(50)]
    assert list(read_csv(f"number,{','.join(names)}\n".encode())) == []
    with pytest.raises(UnreadableList, match="more than 50 columns"):
        list(read_csv(f"number,{','.join(names)},more\n".encode()))


def test_a_parameter_has_up_to_3000_characters() -> None:
    (good,) = entries([{"number": NUMBER, "parameters": {"p": "x" * 3000}}])
    assert isinstance(good, NewTarget)
    (bad,) = entries([{"number": NUMBER, "parameters": {"p": "x" * 3001}}])
    assert bad == ListProblem(line=1, what="the parameter p cannot be used")
