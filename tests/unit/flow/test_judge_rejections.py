"""Every rule of ``spec/status-codes.md`` by bodies that break it: code, HTTP, text, all errors."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from tests.unit.flow.flow_requests import (
    ANY_SOURCE,
    FACTS,
    HANGUP,
    NO_VCA,
    TEXTS,
    WITHHELD,
    action,
    call_and,
    capture,
    flow,
    judged,
    make_call,
    play,
    say,
    scenario,
)

from offhook.flow.facts import Facts
from offhook.flow.problems import Mode

MISSING = "is missing but it is required"
URL = "must be an absolute http or https URL"
DATE = "does not match the date-time pattern"
P0, P1, P2 = (f"$.callflow[{i}].params" for i in range(3))


class Case(NamedTuple):
    """A body and all that is wrong with it: ``(code, path)``, for -1009 with its detail."""

    name: str
    body: object
    errors: list[tuple[int, str] | tuple[int, str, str]]
    facts: Facts = FACTS


def entry(path: str, what: str) -> tuple[int, str, str]:
    """A -1009."""
    return (-1009, path, what)


def wrong(name: str, body: object, path: str, *whats: str) -> Case:
    """A body with nothing but -1009s at one path."""
    return Case(name, body, [entry(path, what) for what in whats])


GOOD = b'{"callflow":[{"action":"makeCall","params":{"source":"6512341234","destination":"6590000000"}}'

NOT_JSON = [
    Case(f"not JSON: {name}", body, [(-1001, "$")])
    for name, body in {
        "empty": b"",
        "blank": b" \r\n",
        "no object but an array": b"[]",
        "no object but a string": b'"callflow"',
        "no object but null": b"null",
        "no object but a number": b"1",
        "cut off": GOOD,
        "text behind it": GOOD + b"]} x",
        "two documents": GOOD + b"]}{}",
        "trailing comma in array": GOOD + b",]}",
        "trailing comma in object": GOOD + b"],}",
        "comment": GOOD + b"]/* x */}",
        "single quotes": b"{'callflow':[]}",
        "bare key": b"{callflow:[]}",
        "NaN": GOOD + b'],"x":NaN}',
        "Infinity": GOOD + b'],"x":Infinity}',
        "-Infinity": GOOD + b'],"x":-Infinity}',
        "1e400": GOOD + b'],"x":1e400}',
        "-1e400": GOOD + b'],"x":-1e400}',
        "5,000 digits": GOOD + b'],"x":' + b"1" * 5000 + b"}",
        "leading zero": GOOD + b'],"x":01}',
        "repeated key at the top": GOOD + b'],"callflow":[]}',
        "repeated unknown key": GOOD + b'],"x":1,"x":1}',
        "repeated key, once escaped": GOOD + b'],"x":1,"\\u0078":1}',
        "repeated key in params": b'{"callflow":[{"action":"hangup","params":{"a":1,"a":2}}]}',
        "repeated key in an action": b'{"callflow":[{"action":"hangup","action":"hangup"}]}',
        "repeated key deep inside": GOOD + b'],"x":[[{"a":{"b":1,"b":":"}}]]}',
        "raw newline in a string": GOOD + b'],"x":"\n"}',
        "bad escape": GOOD + b'],"x":"\\x"}',
        "byte order mark": b"\xef\xbb\xbf" + GOOD + b"]}",
        "Latin-1": GOOD + b'],"x":"\xe9"}',
        "UTF-16": (GOOD + b"]}").decode().encode("utf-16"),
        "UTF-32": (GOOD + b"]}").decode().encode("utf-32"),
        "surrogate as UTF-8": GOOD + b'],"x":"\xed\xa0\x80"}',
        "overlong UTF-8": GOOD + b'],"x":"\xc0\xaf"}',
        "33 levels": GOOD + b'],"x":' + b"[" * 32 + b"]" * 32 + b"}",
        "33 levels of objects": GOOD + b'],"x":' + b'{"a":' * 32 + b"1" + b"}" * 32 + b"}",
        "33 levels beside shallow ones": GOOD
        + b'],"w":[[],[[]],[]],"x":'
        + b"[[]," * 31
        + b"[]"
        + b"]" * 31
        + b"}",
        "100,000 levels": b'{"callflow":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "100,000 openings": b"[" * 100_000,
    }.items()
]

TOP_LEVEL = [
    wrong("no callflow", {}, "$.callflow", MISSING),
    wrong("null callflow", {"callflow": None}, "$.callflow", MISSING),
    wrong(
        "empty callflow", flow(), "$.callflow", "there must be a minimum of 1 items in the array"
    ),
    *(
        wrong(
            f"callflow is {found}", {"callflow": v}, "$.callflow", f"{found} found, array expected"
        )
        for found, v in {
            "object": {},
            "string": "say",
            "integer": 3,
            "number": 1.5,
            "boolean": False,
        }.items()
    ),
    *(
        wrong(
            f"validUntil is {found}",
            call_and(validUntil=v),
            "$.validUntil",
            f"{found} found, string expected",
        )
        for found, v in {"integer": 1720000000, "object": {}, "array": [], "boolean": True}.items()
    ),
    *(
        wrong(f"validUntil {text!r}", call_and(validUntil=text), "$.validUntil", DATE)
        for text in (
            "",
            "tomorrow",
            "2027-07-03",
            "2027-07-03T",
            "2027-07-03 05:59:32Z",
            "2027-13-03T05:59:32Z",
            "2027-02-29T05:59:32Z",
            "2027-07-03T25:59:32Z",
            "2027-07-03T05:61:32Z",
            "2027-07-03T05:59:32.Z",
            "2027-07-03T05:59:32+8",
            "2027-07-03T05:59:32Z ",
            "2027-07-03T05:59:32Z\n",
            "1782972000000",
            "٢٠٢٧-07-03T05:59:32Z",
        )
    ),
    *(
        wrong(f"{name} {str(value)[:3]!r}: {what}", call_and(**{name: value}), f"$.{name}", what)
        for name in ("clientActionId", "clientRequestId")
        for value, what in (
            ("", "must be at least 1 characters long"),
            ("x" * 256, "may only be 255 characters long"),
            ("é" * 256, "may only be 255 characters long"),
            (7, "integer found, string expected"),
            (7.0, "integer found, string expected"),
            (["x"], "array found, string expected"),
        )
    ),
]

ELEMENTS = [
    *(
        wrong(
            f"element is {f}", flow(make_call(), v), "$.callflow[1]", f"{f} found, object expected"
        )
        for f, v in {
            "null": None,
            "string": "hangup",
            "integer": 1,
            "number": 0.5,
            "boolean": True,
            "array": [HANGUP],
        }.items()
    ),
    wrong("no action", call_and({"params": {}}), "$.callflow[1].action", MISSING),
    wrong("empty element", call_and({}), "$.callflow[1].action", MISSING),
    wrong("null action", call_and({"action": None}), "$.callflow[1].action", MISSING),
    wrong(
        "first element is no object: not also -1013",
        flow(5),
        "$.callflow[0]",
        "integer found, object expected",
    ),
    *(
        wrong(
            f"action is {found}",
            call_and({"action": value}),
            "$.callflow[1].action",
            f"{found} found, string expected",
        )
        for found, value in {"integer": 1, "boolean": True, "object": {}, "array": ["say"]}.items()
    ),
    *(
        Case(f"action {name!r}", call_and(action(name)), [(-1007, "$.callflow[1].action")])
        for name in (
            "",
            "dial",
            "Say",
            "SAY",
            "say ",
            " say",
            "makecall",
            "MakeCall",
            "Hangup",
            "hangUp",
            "playfile",
            "sayandcapture",
            "SayAndCapture",
            "sayAndcapture ",
            "say&Capture",
            "executescenario",
        )
    ),
    Case(
        "unknown first action: not also -1013",
        flow(action("dial")),
        [(-1007, "$.callflow[0].action")],
    ),
    *(
        wrong(
            f"{name} without params ({how})",
            flow(*before, element),
            f"$.callflow[{len(before)}].params",
            MISSING,
        )
        for name, before in {
            "makeCall": [],
            "say": [make_call()],
            "sayAndCapture": [make_call()],
            "playFile": [make_call()],
            "executeScenario": [],
        }.items()
        for how, element in {
            "absent": {"action": name},
            "null": {"action": name, "params": None},
        }.items()
    ),
    *(
        wrong(
            f"{name} whose params are {found}",
            flow(*([] if name == "makeCall" else [make_call()]), {"action": name, "params": value}),
            f"$.callflow[{0 if name == 'makeCall' else 1}].params",
            f"{found} found, object expected",
        )
        for name in ("makeCall", "say", "hangup")
        for found, value in {"string": "", "array": [], "integer": 0, "boolean": False}.items()
    ),
    Case(
        "unknown action whose params are a string",
        call_and({"action": "dial", "params": "x"}),
        [(-1007, "$.callflow[1].action"), entry(P1, "string found, object expected")],
    ),
]

MEMBERS = [
    wrong("makeCall without source", flow(make_call(source=...)), f"{P0}.source", MISSING),
    wrong("makeCall with null source", flow(make_call(source=None)), f"{P0}.source", MISSING),
    wrong(
        "makeCall without destination",
        flow(make_call(destination=...)),
        f"{P0}.destination",
        MISSING,
    ),
    wrong("null destination", flow(make_call(destination=None)), f"{P0}.destination", MISSING),
    Case(
        "makeCall with empty params",
        flow(action("makeCall")),
        [entry(f"{P0}.source", MISSING), entry(f"{P0}.destination", MISSING)],
    ),
    *(
        wrong(
            f"{member} is {found}",
            flow(make_call(**{member: value})),
            f"{P0}.{member}",
            f"{found} found, string expected",
        )
        for member in ("source", "destination")
        for found, value in {"boolean": True, "object": {}, "number": 6512341234.5}.items()
    ),
    wrong(
        "source is array",
        flow(make_call(source=["+6512341234"])),
        f"{P0}.source",
        "array found, string expected",
    ),
    wrong(
        "callRecording is string",
        flow(make_call(callRecording="true")),
        f"{P0}.callRecording",
        "string found, boolean expected",
    ),
    wrong(
        "callRecording is integer",
        flow(make_call(callRecording=1)),
        f"{P0}.callRecording",
        "integer found, boolean expected",
    ),
    *(
        wrong(
            f"{name}.{member} {how}", call_and(make(**{member: value})), f"{P1}.{member}", MISSING
        )
        for name, make, member in (
            ("say", say, "text"),
            ("say", say, "voiceProfile"),
            ("sayAndCapture", capture, "promptMessage"),
            ("sayAndCapture", capture, "voiceProfile"),
            ("playFile", play, "fileUrl"),
        )
        for how, value in (("absent", ...), ("null", None))
    ),
    wrong(
        "voiceProfile absent, language null",
        call_and(say(voiceProfile=..., language=None)),
        f"{P1}.voiceProfile",
        MISSING,
    ),
    *(
        wrong(
            f"{name}.{member} {found}",
            call_and(make(**{member: value})),
            f"{P1}.{member}",
            f"{found} found, string expected",
        )
        for name, make, member in (
            ("say", say, "text"),
            ("say", say, "voiceProfile"),
            ("say", say, "language"),
            ("sayAndCapture", capture, "promptMessage"),
            ("sayAndCapture", capture, "successMessage"),
            ("sayAndCapture", capture, "failureMessage"),
            ("sayAndCapture", capture, "dtmfCallbackUrl"),
            ("playFile", play, "fileUrl"),
        )
        for found, value in {"integer": 1.0, "array": []}.items()
    ),
    *(
        wrong(
            f"{name}.{member} empty",
            call_and(make(**{member: ""})),
            f"{P1}.{member}",
            "must be at least 1 characters long",
        )
        for name, make, member in (
            ("say", say, "text"),
            ("sayAndCapture", capture, "promptMessage"),
        )
    ),
    *(
        wrong(
            f"{name}.{member} of 3001",
            call_and(make(**{member: "é" * 3001})),
            f"{P1}.{member}",
            "may only be 3000 characters long",
        )
        for name, make, member in (
            ("say", say, "text"),
            ("sayAndCapture", capture, "promptMessage"),
            ("sayAndCapture", capture, "successMessage"),
            ("sayAndCapture", capture, "failureMessage"),
        )
    ),
    *(
        wrong(
            f"{name}.repetition {value!r}",
            call_and(make(repetition=value)),
            f"{P1}.repetition",
            what,
        )
        for name, make in (("say", say), ("sayAndCapture", capture), ("playFile", play))
        for value, what in (
            (0, "must have a minimum value of 1"),
            (-1, "must have a minimum value of 1"),
            (4, "must have a maximum value of 3"),
            (4.0, "must have a maximum value of 3"),
            (10**30, "must have a maximum value of 3"),
            (10**400, "must have a maximum value of 3"),
            (1e30, "must have a maximum value of 3"),
            ("1", "string found, integer expected"),
            (1.5, "number found, integer expected"),
            (True, "boolean found, integer expected"),
            ([1], "array found, integer expected"),
            ({}, "object found, integer expected"),
        )
    ),
    *(
        wrong(f"{name}.speed {value!r}", call_and(make(speed=value)), f"{P1}.speed", what)
        for name, make in (("say", say), ("sayAndCapture", capture))
        for value, what in (
            (0.49, "must have a minimum value of 0.5"),
            (0, "must have a minimum value of 0.5"),
            (-1, "must have a minimum value of 0.5"),
            (2.01, "must have a maximum value of 2"),
            (3, "must have a maximum value of 2"),
            (10**400, "must have a maximum value of 2"),
            ("1", "string found, number expected"),
            (False, "boolean found, number expected"),
        )
    ),
    *(
        wrong(
            f"{member} {value!r}",
            call_and(capture(**{**needs, member: value})),
            f"{P1}.{member}",
            what,
        )
        for member, most, needs in (
            ("minDigits", 25, {"maxDigits": 25}),
            ("maxDigits", 25, {}),
            ("digitTimeout", 600000, {"overallTimeout": 600000}),
            ("overallTimeout", 600000, {}),
            ("noOfTries", 10, {}),
        )
        for value, what in (
            (0, "must have a minimum value of 1"),
            ("5", "string found, integer expected"),
            (1.5, "number found, integer expected"),
            (True, "boolean found, integer expected"),
        )
    ),
    wrong(
        "maxDigits 26 on its own",
        call_and(capture(maxDigits=26)),
        f"{P1}.maxDigits",
        "must have a maximum value of 25",
    ),
    wrong(
        "maxDigits 26, completeOnHash true",
        call_and(capture(maxDigits=26, completeOnHash=True)),
        f"{P1}.maxDigits",
        "must have a maximum value of 25",
    ),
    wrong(
        "maxDigits 0, minDigits null",
        call_and(capture(maxDigits=0, minDigits=None)),
        f"{P1}.maxDigits",
        "must have a minimum value of 1",
    ),
    wrong(
        "overallTimeout 600001",
        call_and(capture(overallTimeout=600001)),
        f"{P1}.overallTimeout",
        "must have a maximum value of 600000",
    ),
    wrong(
        "noOfTries 11",
        call_and(capture(noOfTries=11)),
        f"{P1}.noOfTries",
        "must have a maximum value of 10",
    ),
    wrong(
        "completeOnHash is string",
        call_and(capture(completeOnHash="false")),
        f"{P1}.completeOnHash",
        "string found, boolean expected",
    ),
    wrong(
        "completeOnHash is 0",
        call_and(capture(completeOnHash=0)),
        f"{P1}.completeOnHash",
        "integer found, boolean expected",
    ),
    *(
        wrong(f"{member} {url!r}", call_and(make(**{member: url})), f"{P1}.{member}", URL)
        for make, member in ((play, "fileUrl"), (capture, "dtmfCallbackUrl"))
        for url in (
            "",
            "a.mp3",
            "/files/a.mp3",
            "//files.example/a.mp3",
            "ftp://files.example/a.mp3",
            "file:///etc/passwd",
            "https:files.example/a.mp3",
            "https://",
            "https:///a.mp3",
            "http://:80/",
            "http://user@/",
            "http://files.example:99999/",
            "http://files.example:x/",
            "http://[::1/",
            "http://files.example/a b.mp3",
            " https://files.example/a.mp3",
            "https://files.example/a.mp3\n",
            "https://files.example\\@evil.example/",
            "javascript:alert(1)",
        )
    ),
    wrong(
        "fileUrl of 2049",
        call_and(play(fileUrl="https://files.example/" + "a" * 2027)),
        f"{P1}.fileUrl",
        "may only be 2048 characters long",
    ),
    wrong(
        "dtmfCallbackUrl of 8193",
        call_and(capture(dtmfCallbackUrl="https://hooks.example/" + "a" * 8171)),
        f"{P1}.dtmfCallbackUrl",
        URL,
    ),
    Case(
        "fileUrl long and no URL",
        call_and(play(fileUrl="a" * 2049)),
        [entry(f"{P1}.fileUrl", "may only be 2048 characters long"), entry(f"{P1}.fileUrl", URL)],
    ),
    Case(
        "all of an action, in the table's order",
        call_and(action("say", {"speed": "", "repetition": "", "language": 1})),
        [
            entry(f"{P1}.text", MISSING),
            entry(f"{P1}.language", "integer found, string expected"),
            entry(f"{P1}.repetition", "string found, integer expected"),
            entry(f"{P1}.speed", "string found, number expected"),
        ],
    ),
]

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

CHARACTERS = [
    *(
        Case(f"text with {bad!a}", call_and(say(text=f"a{bad}b")), [(-1016, f"{P1}.text")])
        for bad in (
            "\x00",
            "\x01",
            "\x08",
            "\x0b",
            "\x0c",
            "\x0e",
            "\x1f",
            "\ud800",
            "\udbff",
            "\udc00",
            "\udfff",
            "\udc00\ud800",
            "\ufffe",
            "\uffff",
            "\ue000",
            "\uf8ff",
            "\U000f0000",
            "\U000ffffd",
            "\U00100000",
            "\U0010fffd",
        )
    ),
    *(
        Case(
            f"{member} with a control character",
            call_and(capture(**{member: "\x02"})),
            [(-1016, f"{P1}.{member}")],
        )
        for member in ("promptMessage", "successMessage", "failureMessage", "endMessage")
    ),
    Case(
        "too long and unspeakable",
        call_and(say(text="\x00" * 3001)),
        [entry(f"{P1}.text", "may only be 3000 characters long"), (-1016, f"{P1}.text")],
    ),
]

VOICES = [
    *(
        Case(
            f"voiceProfile {code!r}",
            call_and(say(voiceProfile=code)),
            [(-1002, f"{P1}.voiceProfile")],
        )
        for code in (
            "",
            "en-GB-Nobody",
            "en-GB",
            "en-gb-emma",
            "en-GB-EmmaNeural",
            "en-US-Jenn",
            "Neural",
            "\ud800",
        )
    ),
    *(
        Case(
            f"language {tag!r}",
            call_and(say(voiceProfile=..., language=tag)),
            [(-1002, f"{P1}.language")],
        )
        for tag in ("", "xx", "tlh", "English", "\uffff")
    ),
    Case(
        "profile and language differ", call_and(say(language="id-ID")), [(-1002, f"{P1}.language")]
    ),
    Case(
        "profile and language differ in sayAndCapture",
        call_and(capture(voiceProfile="id-ID-Ardi", language="en-US")),
        [(-1002, f"{P1}.language")],
    ),
    Case(
        "profile known, language unknown", call_and(say(language="xx")), [(-1002, f"{P1}.language")]
    ),
    Case(
        "profile unknown, language known",
        call_and(say(voiceProfile="x", language="en")),
        [(-1002, f"{P1}.voiceProfile")],
    ),
    Case(
        "both unknown",
        call_and(say(voiceProfile="x", language="xx")),
        [(-1002, f"{P1}.voiceProfile"), (-1002, f"{P1}.language")],
    ),
]

MAX = f"{P1}.maxDigits"
OVERALL = f"{P1}.overallTimeout"
CAPTURES = [
    *(
        Case(
            f"minDigits {low!r}, maxDigits {high!r}",
            call_and(capture(minDigits=low, maxDigits=high)),
            [(-1003, MAX)],
        )
        for low, high in (
            (1, ...),
            (1, None),
            (25, ...),
            (2, 1),
            (25, 24),
            (1, 0),
            (1, 26),
            (1, -1),
            (2.0, 1.0),
            (1, 10**400),
        )
    ),
    Case(
        "minDigits 26, maxDigits 25",
        call_and(capture(minDigits=26, maxDigits=25)),
        [entry(f"{P1}.minDigits", "must have a maximum value of 25"), (-1003, MAX)],
    ),
    Case(
        "minDigits ill-typed, maxDigits absent",
        call_and(capture(minDigits="1")),
        [entry(f"{P1}.minDigits", "string found, integer expected"), (-1003, MAX)],
    ),
    Case(
        "minDigits given, maxDigits ill-typed",
        call_and(capture(minDigits=1, maxDigits="5")),
        [entry(MAX, "string found, integer expected")],
    ),
    *(
        Case(
            f"completeOnHash false, maxDigits {high!r}",
            call_and(capture(completeOnHash=False, maxDigits=high)),
            [(-1008, MAX)],
        )
        for high in (..., None, 0, 26, -1)
    ),
    Case(
        "completeOnHash false, maxDigits ill-typed",
        call_and(capture(completeOnHash=False, maxDigits=1.5)),
        [entry(MAX, "number found, integer expected")],
    ),
    Case(
        "minDigits given, completeOnHash false, maxDigits absent",
        call_and(capture(minDigits=1, completeOnHash=False)),
        [(-1003, MAX), (-1008, MAX)],
    ),
    Case(
        "minDigits 3, completeOnHash false, maxDigits 2",
        call_and(capture(minDigits=3, maxDigits=2, completeOnHash=False)),
        [(-1003, MAX)],
    ),
    *(
        Case(
            f"digitTimeout given, overallTimeout {value!r}",
            call_and(capture(digitTimeout=5000, overallTimeout=value)),
            [(-1005, OVERALL)],
        )
        for value in (..., None)
    ),
    Case(
        "digitTimeout ill-typed, overallTimeout absent",
        call_and(capture(digitTimeout="5")),
        [entry(f"{P1}.digitTimeout", "string found, integer expected"), (-1005, OVERALL)],
    ),
    *(
        Case(
            f"digitTimeout {digit}, overallTimeout {overall}",
            call_and(capture(digitTimeout=digit, overallTimeout=overall)),
            [(-1006, OVERALL)],
        )
        for digit, overall in ((10001, 10000), (2, 1), (600000, 599999), (2.0, 1))
    ),
    Case(
        "digitTimeout 600001",
        call_and(capture(digitTimeout=600001, overallTimeout=600000)),
        [entry(f"{P1}.digitTimeout", "must have a maximum value of 600000"), (-1006, OVERALL)],
    ),
    Case(
        "overallTimeout 0, digitTimeout 1",
        call_and(capture(digitTimeout=1, overallTimeout=0)),
        [entry(OVERALL, "must have a minimum value of 1"), (-1006, OVERALL)],
    ),
    Case(
        "overallTimeout ill-typed",
        call_and(capture(digitTimeout=1, overallTimeout="x")),
        [entry(OVERALL, "string found, integer expected")],
    ),
    *(
        Case(
            f"no VCA webhook, dtmfCallbackUrl {value!r}, {len(after)} after",
            call_and(capture(dtmfCallbackUrl=value), *after),
            [(-1004, f"{P1}.dtmfCallbackUrl")],
            NO_VCA,
        )
        for value in (..., None)
        for after in ([], [HANGUP])
    ),
    Case(
        "no VCA webhook, dtmfCallbackUrl empty",
        call_and(capture(dtmfCallbackUrl="")),
        [entry(f"{P1}.dtmfCallbackUrl", URL)],
        NO_VCA,
    ),
    Case(
        "every rule of a capture, in order",
        call_and(
            capture(
                promptMessage="\x00",
                voiceProfile="x",
                minDigits=1,
                completeOnHash=False,
                digitTimeout=1,
            )
        ),
        [
            (-1016, f"{P1}.promptMessage"),
            (-1002, f"{P1}.voiceProfile"),
            (-1003, MAX),
            (-1008, MAX),
            (-1005, OVERALL),
            (-1004, f"{P1}.dtmfCallbackUrl"),
        ],
        NO_VCA,
    ),
]

VALIDITY = [
    Case(f"validUntil {text}", call_and(validUntil=text), [(-1015, "$.validUntil")])
    for text in (
        "2026-01-01T11:59:59.999Z",
        "2026-01-01T11:59:59",
        "2026-01-01T19:59:59+08:00",
        "2026-01-01T06:59:59-0500",
        "20260101T115959Z",
        "0001-01-01T00:00:00+14:00",
        "1970-01-01T00:00:00Z",
    )
]

CALLED = {"source": "+6512341234", "destination": "+6590000000"}
LEGACY = [
    wrong("v1.1 without source", flow(say(destination="+6590000000")), f"{P0}.source", MISSING),
    wrong(
        "v1.1 with null source",
        flow(play(destination="+6590000000", source=None)),
        f"{P0}.source",
        MISSING,
    ),
    wrong(
        "v1.1 destination is object",
        flow(say(source="+6512341234", destination={})),
        f"{P0}.destination",
        "object found, string expected",
    ),
    wrong(
        "v1.1 capture without text",
        flow(action("say&capture", {**CALLED, "language": "en"})),
        f"{P0}.text",
        MISSING,
    ),
    wrong(
        "v1.1 capture with endMessage ill-typed",
        flow(action("say&capture", {**CALLED, "language": "en", "text": "a", "endMessage": 1})),
        f"{P0}.endMessage",
        "integer found, string expected",
    ),
    wrong(
        "v1.1 capture, empty promptMessage",
        flow(capture(**CALLED, promptMessage="")),
        f"{P0}.promptMessage",
        "must be at least 1 characters long",
    ),
    Case(
        "v1.1 several destinations",
        flow(say(source="+6512341234", destination=["a", "b"])),
        [(-1011, f"{P0}.destination")],
    ),
    Case(
        "v1.1 two destinations",
        flow(say(**CALLED), say(source="+6512341234", destination="+6590000001")),
        [(-1011, f"{P1}.destination")],
    ),
    Case(
        "v1.1 no number",
        flow(say(source="+6512341234", destination="x")),
        [(-1017, f"{P0}.destination")],
    ),
    Case(
        "v1.1 source", flow(say(source="+1", destination="+6590000000")), [(-1014, f"{P0}.source")]
    ),
    Case(
        "v1.1 endMessage",
        flow(
            action("say&capture", {**CALLED, "language": "en", "text": "a", "endMessage": "\x01"})
        ),
        [(-1016, f"{P0}.endMessage")],
    ),
    Case(
        "v1.1 text of a capture",
        flow(action("say&capture", {**CALLED, "language": "en", "text": "\x01"})),
        [(-1016, f"{P0}.text")],
    ),
    Case(
        "v1.1 hangup in the middle", flow(say(**CALLED), HANGUP, say()), [(-1012, "$.callflow[1]")]
    ),
    Case(
        "v1.1 two more calls",
        flow(say(**CALLED), make_call(), make_call()),
        [(-1010, "$.callflow[2]")],
    ),
    Case(
        "v1.1 no VCA webhook",
        flow(action("say&capture", {**CALLED, "language": "en", "text": "a"})),
        [(-1004, f"{P0}.dtmfCallbackUrl")],
        NO_VCA,
    ),
    Case("v1.1 voice", flow(say(**CALLED, voiceProfile="x")), [(-1002, f"{P0}.voiceProfile")]),
]

ORDER = [
    Case(
        "the top level before the actions",
        flow(action("dial"), say(text=...), clientRequestId="", clientActionId="", validUntil="x"),
        [
            entry("$.validUntil", DATE),
            entry("$.clientActionId", "must be at least 1 characters long"),
            entry("$.clientRequestId", "must be at least 1 characters long"),
            (-1007, "$.callflow[0].action"),
            entry(f"{P1}.text", MISSING),
        ],
    ),
    Case(
        "action by action, -1007 and -1009 as they come",
        call_and(say(repetition=0), action("dial"), say(repetition=4)),
        [
            entry(f"{P1}.repetition", "must have a minimum value of 1"),
            (-1007, "$.callflow[2].action"),
            entry("$.callflow[3].params.repetition", "must have a maximum value of 3"),
        ],
    ),
    Case(
        "everything at once",
        flow(
            say(text="\x00", voiceProfile="x"),
            HANGUP,
            scenario(scenarioName="nobody"),
            scenario(scenarioName=""),
            make_call(destination=["a"], source="x"),
            make_call(destination="x"),
            make_call(),
            capture(minDigits=1, completeOnHash=False, digitTimeout=2, overallTimeout=1),
            validUntil="2020-01-01T00:00:00Z",
        ),
        [
            (-1018, "$.callflow[2]"),
            (-1018, "$.callflow[3]"),
            (-1019, "$.callflow[3].params.scenarioName"),
            (-1020, "$.callflow[2].params.scenarioName"),
            (-1013, "$.callflow[0]"),
            (-1010, "$.callflow[6]"),
            (-1012, "$.callflow[1]"),
            (-1016, f"{P0}.text"),
            (-1002, f"{P0}.voiceProfile"),
            (-1011, "$.callflow[4].params.destination"),
            (-1014, "$.callflow[4].params.source"),
            (-1017, "$.callflow[5].params.destination"),
            (-1003, "$.callflow[7].params.maxDigits"),
            (-1008, "$.callflow[7].params.maxDigits"),
            (-1006, "$.callflow[7].params.overallTimeout"),
            (-1004, "$.callflow[7].params.dtmfCallbackUrl"),
            (-1015, "$.validUntil"),
        ],
        NO_VCA,
    ),
    Case(
        "callflow is no list: the rest is judged all the same",
        {"callflow": {}, "validUntil": "2020-01-01T00:00:00Z", "clientRequestId": 1},
        [
            entry("$.callflow", "object found, array expected"),
            entry("$.clientRequestId", "integer found, string expected"),
            (-1015, "$.validUntil"),
        ],
    ),
]

CASES = [
    *NOT_JSON,
    *TOP_LEVEL,
    *ELEMENTS,
    *MEMBERS,
    *SCENARIOS,
    *ARRANGEMENT,
    *DESTINATIONS,
    *SOURCES,
    *CHARACTERS,
    *VOICES,
    *CAPTURES,
    *VALIDITY,
    *LEGACY,
    *ORDER,
]


@pytest.mark.parametrize("case", CASES, ids=[ascii(case.name)[:100] for case in CASES])
def test_a_body_is_rejected_with_every_problem(case: Case) -> None:
    verdict = judged(case.body, case.facts)
    expected = []
    for code, path, *detail in case.errors:
        text = TEXTS[code][0] + (f"{path}: {detail[0]}" if detail else "")
        expected.append((code, path, text))
    assert [(p.code.code, p.path, p.message) for p in verdict.problems] == expected
    assert verdict.callflow is None
    assert verdict.status.code == expected[0][0]
    assert verdict.status_message == expected[0][2]
    assert verdict.http_status == TEXTS[expected[0][0]][1]


def test_every_code_is_reached() -> None:
    assert {case.errors[0][0] for case in CASES} == set(TEXTS)
    assert len(CASES) >= 250


def test_names_of_cases_are_unique() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names))


def test_a_decision_is_rejected_by_the_same_rules() -> None:
    """Whatever has nothing to do with the first action is judged alike in both modes."""
    for case in [*MEMBERS, *DESTINATIONS, *SOURCES, *CHARACTERS, *VOICES, *CAPTURES, *VALIDITY]:
        verdict = judged(case.body, case.facts, Mode.DECISION)
        assert [p.path for p in verdict.problems] == [e[1] for e in case.errors], case.name
