"""Bodies whose texts, voices, captures, validity or v1.1 form break a rule; and the order of all."""

from __future__ import annotations

from tests.unit.flow.flow_requests import (
    HANGUP,
    NO_VCA,
    action,
    call_and,
    capture,
    flow,
    make_call,
    play,
    say,
    scenario,
)
from tests.unit.flow.rejected import DATE, MISSING, P0, P1, URL, Case, entry, wrong

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
        flow(
            action("dial"),
            say(text=...),
            clientBatchId="",
            clientRequestId="",
            clientActionId="",
            validUntil="x",
        ),
        [
            entry("$.validUntil", DATE),
            entry("$.clientRequestId", "must be at least 1 characters long"),
            entry("$.clientBatchId", "must be at least 1 characters long"),
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
