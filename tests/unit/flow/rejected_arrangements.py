"""Bodies whose actions do not go together, and numbers nobody may call or call from."""

from __future__ import annotations

from tests.unit.flow.flow_requests import (
    ANY_SOURCE,
    HANGUP,
    WITHHELD,
    action,
    call_and,
    capture,
    flow,
    make_call,
    play,
    say,
    scenario,
)
from tests.unit.flow.rejected import MISSING, P0, P1, Case, entry, wrong

SCENARIOS = [
    Case("scenario beside a call", call_and(scenario()), [(-1018, "$.callflow[1]")]),
    Case("scenario before a hangup", flow(scenario(), HANGUP), [(-1018, "$.callflow[0]")]),
    Case(
        "two scenarios",
        flow(scenario(), scenario()),
        [(-1018, "$.callflow[0]"), (-1018, "$.callflow[1]")],
    ),
    Case(
        "scenario after say",
        flow(say(), scenario()),
        [(-1018, "$.callflow[1]"), (-1013, "$.callflow[0]")],
    ),
    *(
        Case(
            f"scenarioName {value!r}",
            flow(scenario(scenarioName=value)),
            [(-1019, f"{P0}.scenarioName")],
        )
        for value in (..., None, "", " ", "\t\n", "\u00a0")
    ),
    *(
        wrong(
            f"scenarioName {value!r}",
            flow(scenario(scenarioName=value)),
            f"{P0}.scenarioName",
            f"{found} found, string expected",
        )
        for found, value in {"integer": 1, "boolean": False, "array": [], "object": {}}.items()
    ),
    *(
        Case(
            f"scenarioName {value!r}",
            flow(scenario(scenarioName=value)),
            [(-1020, f"{P0}.scenarioName")],
        )
        for value in ("other", "Reminder", "reminder ", "remind")
    ),
    Case(
        "scenarioName with a control character",
        flow(scenario(scenarioName="re\u0001")),
        [(-1020, f"{P0}.scenarioName"), (-1016, f"{P0}.scenarioName")],
    ),
    Case(
        "scenario beside a call, without a name",
        call_and(scenario(scenarioName=None)),
        [(-1018, "$.callflow[1]"), (-1019, f"{P1}.scenarioName")],
    ),
]

ARRANGEMENT = [
    *(
        Case(f"first action {element['action']}", flow(element), [(-1013, "$.callflow[0]")])
        for element in (say(), capture(), play(), HANGUP)
    ),
    Case("makeCall second", flow(say(), make_call()), [(-1013, "$.callflow[0]")]),
    Case("v1.1 without destination", flow(say(source="+6512341234")), [(-1013, "$.callflow[0]")]),
    Case(
        "v1.1 with null destination",
        flow(say(source="+6512341234", destination=None)),
        [(-1013, "$.callflow[0]")],
    ),
    Case(
        "hangup with a destination",
        flow(action("hangup", destination="+6590000000")),
        [(-1013, "$.callflow[0]")],
    ),
    Case("three calls", flow(make_call(), make_call(), make_call()), [(-1010, "$.callflow[2]")]),
    Case("four calls", flow(*[make_call()] * 4), [(-1010, "$.callflow[2]")]),
    Case("51 actions", call_and(*[say()] * 50), [(-1010, "$.callflow[50]")]),
    Case(
        "51 actions, three of them calls",
        call_and(make_call(), make_call(), *[say()] * 48),
        [(-1010, "$.callflow[50]"), (-1010, "$.callflow[2]")],
    ),
    Case(
        "51 actions, the last with a fault",
        call_and(*[say()] * 49, say(text=...)),
        [entry("$.callflow[50].params.text", MISSING), (-1010, "$.callflow[50]")],
    ),
    Case("hangup before say", call_and(HANGUP, say()), [(-1012, "$.callflow[1]")]),
    Case("two hangups", call_and(HANGUP, HANGUP), [(-1012, "$.callflow[1]")]),
    Case(
        "three hangups",
        call_and(HANGUP, HANGUP, HANGUP),
        [(-1012, "$.callflow[1]"), (-1012, "$.callflow[2]")],
    ),
    Case(
        "hangup first",
        flow(HANGUP, make_call()),
        [(-1013, "$.callflow[0]"), (-1012, "$.callflow[0]")],
    ),
]

DESTINATIONS = [
    *(
        Case(
            f"several: {value!r}",
            flow(make_call(destination=value)),
            [(-1011, f"{P0}.destination")],
        )
        for value in (
            ["+6590000000"],
            ["+6590000000", "+6590000001"],
            [],
            [1],
            "+6590000000,+6590000001",
            "6590000000,6590000001",
            "6590000000;6590000001",
            "6590000000|6590000001",
            "+6590000000 +6590000001",
            "++6590000000",
            "6590000000,",
            ",",
            "a;b",
        )
    ),
    *(
        Case(
            f"no number: {value!r}",
            flow(make_call(destination=value)),
            [(-1017, f"{P0}.destination")],
        )
        for value in (
            "",
            " ",
            "+",
            "abc",
            "+65900000oo",
            "1-800-FLOWERS",
            "659000",
            659000,
            "+659000",
            "1234567890123456",
            1234567890123456,
            "+1234567890123456",
            "006590000000",
            "00 65 9000 0000",
            "0123456789",
            "+0123456789",
            "+2101234567",
            "+999123456789",
            "65+90000000",
            "+65 9000 0000 x12",
            "+65/9000/0000",
            "tel:+6590000000",
            "sip:a@b.example",
            "٦٥٩٠٠٠٠٠٠٠",
            "\uff16\uff15\uff19" + "\uff10" * 7,
            "+6590000000\n",
            "-6590000000",
            -6590000000,
            0,
            10**300,
        )
    ),
    Case(
        "both calls",
        flow(make_call(destination="x"), make_call(destination=["+1"])),
        [(-1017, f"{P0}.destination"), (-1011, f"{P1}.destination")],
    ),
]

SOURCES = [
    *(
        Case(f"source {value!r}", flow(make_call(source=value)), [(-1014, f"{P0}.source")])
        for value in (
            "",
            "+6512341235",
            6512341235,
            "12341234",
            "06512341234",
            "0006512341234",
            "+006512341234",
            "+65,12341234",
            "+6512341234,+442071234567",
            "Acme",
            "private",
            "anonymous",
            "Private",
            "*",
            -6512341234,
            10**300,
        )
    ),
    *(
        Case(
            f"withheld allowed, source {value!r}",
            flow(make_call(source=value)),
            [(-1014, f"{P0}.source")],
            WITHHELD,
        )
        for value in ("Private", "ANONYMOUS", "withheld", " private")
    ),
    *(
        Case(
            f"any allowed, source {value!r}",
            flow(make_call(source=value)),
            [(-1014, f"{P0}.source")],
            ANY_SOURCE,
        )
        for value in ("", "Acme", "private", "+", "1" * 16, "+65x12341234")
    ),
    Case(
        "source of the second call",
        flow(make_call(), make_call(source="1234567")),
        [(-1014, f"{P1}.source")],
    ),
    Case(
        "source and destination",
        flow(make_call(source="x", destination="x")),
        [(-1017, f"{P0}.destination"), (-1014, f"{P0}.source")],
    ),
]
