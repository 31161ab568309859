"""Bodies that are not JSON, or wrong at the top level or in an element (-1001, -1007, -1009)."""

from __future__ import annotations

from tests.unit.flow.flow_requests import (
    HANGUP,
    action,
    call_and,
    flow,
    make_call,
)
from tests.unit.flow.rejected import DATE, MISSING, P1, Case, entry, wrong

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
        "two byte order marks": b"\xef\xbb\xbf" * 2 + GOOD + b"]}",
        "byte order mark inside": GOOD + b"]\xef\xbb\xbf}",
        "Latin-1": GOOD + b'],"x":"\xe9"}',
        "UTF-16": (GOOD + b"]}").decode().encode("utf-16"),
        "UTF-32": (GOOD + b"]}").decode().encode("utf-32"),
        "surrogate as UTF-8": GOOD + b'],"x":"\xed\xa0\x80"}',
        "overlong UTF-8": GOOD + b'],"x":"\xc0\xaf"}',
        "33 levels": GOOD + b'],"x":' + b"[" * 32 + b"]" * 32 + b"}",
        "33 levels of objects": GOOD + b'],"x":' + b'{"a":' * 32 + b"1" + b"}" * 32 + b"}",
        "33 levels, four times": GOOD
        + b'],"x":[%b,%b],"y":[%b,%b]}' % ((b"[" * 31 + b"]" * 31,) * 4),
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
        for name in ("clientBatchId", "clientRequestId")
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
