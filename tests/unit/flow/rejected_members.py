"""Bodies with a member of an action that is missing, ill-typed or out of range (-1009)."""

from __future__ import annotations

from tests.unit.flow.flow_requests import (
    action,
    call_and,
    capture,
    flow,
    make_call,
    play,
    say,
)
from tests.unit.flow.rejected import MISSING, P0, P1, URL, Case, entry, wrong

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
    *(
        wrong(f"{member} is {value!r}", flow(make_call(**{member: value})), f"{P0}.{member}", what)
        for member, value, what in (
            ("sendDigits", 12, "integer found, string expected"),
            ("sendDigits", "", "must be at least 1 characters long"),
            ("sendDigits", "1" * 65, "may only be 64 characters long"),
            ("sendDigits", "12p3", "does not match the pattern ^[0-9*#A-DwW]*$"),
            ("sendDigits", "1 2", "does not match the pattern ^[0-9*#A-DwW]*$"),
            ("sendDigits", "٣", "does not match the pattern ^[0-9*#A-DwW]*$"),
            ("ringTimeout", "20", "string found, integer expected"),
            ("ringTimeout", 2.5, "number found, integer expected"),
            ("ringTimeout", 0, "must have a minimum value of 1"),
            ("ringTimeout", 601, "must have a maximum value of 600"),
            ("maxDuration", True, "boolean found, integer expected"),
            ("maxDuration", 0, "must have a minimum value of 1"),
            ("maxDuration", 86_401, "must have a maximum value of 86400"),
        )
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
            "http://files.example:0/",
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
