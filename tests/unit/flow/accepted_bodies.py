"""Faultless bodies: those of the provider's guides, and the neighbours of rejected ones."""

from __future__ import annotations

from tests.unit.flow.flow_requests import (
    HANGUP,
    Json,
    call_and,
    capture,
    encoded,
    flow,
    make_call,
    play,
    say,
)

# The bodies of the provider's guides, with its numbers and voices replaced by ours.
GUIDES: dict[str, Json] = {
    "voice message": {
        "validUntil": "2027-07-03T05:59:32.226Z",
        "callflow": [
            {"action": "makeCall", "params": {"source": "6512341234", "destination": "6590000000"}},
            {
                "action": "say",
                "params": {
                    "text": "Hi, This is a test message",
                    "voiceProfile": "en-GB-Emma",
                    "repetition": 1,
                    "speed": 1,
                },
            },
            {"action": "hangup"},
        ],
    },
    "voice file": {
        "callflow": [
            {
                "action": "makeCall",
                "params": {"source": "+6512341234", "destination": "+6590000000"},
            },
            {
                "action": "playFile",
                "params": {
                    "fileUrl": "https://filebin.example/iy5u4qhut/sample4.mp3",
                    "repetition": 2,
                },
            },
            {"action": "hangup"},
        ]
    },
    "simple IVR": {
        "clientActionId": "menu-1",
        "callflow": [
            {"action": "makeCall", "params": {"source": "6512341234", "destination": "6590000000"}},
            {
                "action": "sayAndCapture",
                "params": {
                    "promptMessage": "Press 1 for sales, 2 for support, then hash.",
                    "voiceProfile": "en-US-JennyNeural",
                    "speed": 1,
                    "repetition": 1,
                    "minDigits": 1,
                    "maxDigits": 1,
                    "digitTimeout": 10000,
                    "overallTimeout": 10000,
                    "completeOnHash": True,
                    "noOfTries": 2,
                    "successMessage": None,
                    "failureMessage": "Invalid input, please try again",
                },
            },
        ],
    },
    "advanced IVR": {
        "clientRequestId": "order-4711",
        "callflow": [
            {
                "action": "makeCall",
                "params": {
                    "source": "6512341234",
                    "destination": "6590000000",
                    "callRecording": True,
                },
            },
            {
                "action": "say",
                "params": {"text": "Welcome", "language": "en-US", "voiceProfile": "en-US-Jenny"},
            },
            {
                "action": "sayAndcapture",
                "params": {
                    "promptMessage": "Enter your account number followed by hash",
                    "voiceProfile": "en-US-Jenny",
                    "minDigits": 3,
                    "maxDigits": 10,
                    "digitTimeout": 10000,
                    "overallTimeout": 10000,
                    "completeOnHash": True,
                    "noOfTries": 2,
                    "successMessage": "Thank you",
                    "failureMessage": "Sorry",
                },
            },
        ],
    },
    "number masking": {
        "callflow": [
            {"action": "makeCall", "params": {"source": "6512341234", "destination": "6590000000"}},
            {"action": "makeCall", "params": {"source": "6512341234", "destination": "6590000001"}},
        ]
    },
    "scenario": {
        "callflow": [
            {
                "action": "executeScenario",
                "params": {
                    "scenarioName": "reminder",
                    "destination": "+6590000000",
                    "when": "noon",
                },
            }
        ]
    },
    "v1.1": {
        "callflow": [
            {
                "action": "say",
                "params": {
                    "source": "+6512341234",
                    "destination": "+6590000000",
                    "text": "Hi",
                    "language": "en-GB",
                    "voiceProfile": "en-GB-Emma",
                    "repetition": 1,
                    "speed": 1,
                },
            }
        ]
    },
}


NEIGHBOURS: dict[str, object] = {
    "32 levels": b'{"x":' + b"[" * 31 + b"]" * 31 + b',"callflow":[' + encoded(make_call()) + b"]}",
    "32 levels, four times": b'{"x":[%b,%b],"y":[%b,%b],"callflow":[%b]}'
    % (*[b"[" * 30 + b"]" * 30] * 4, encoded(make_call())),
    "numbers a double carries": encoded(call_and())[:-1]
    + b',"x":[1e308,-1E+2,2.5e-324,123456789012345678901234567890]}',
    "colons and braces in strings": call_and(say(text='a": {"b": ["\\": \\\\'), **{'k":{': ":"}),
    "a lone surrogate where nothing speaks it": encoded(call_and(x="\ud800")),
    "white space around": b" \r\n\t" + encoded(call_and()) + b"\n ",
    "call alone": call_and(),
    "two calls": call_and(make_call()),
    "50 actions": call_and(*[say()] * 49),
    "hangup last": call_and(HANGUP),
    "hangup params null": call_and({"action": "hangup", "params": None}),
    "hangup params empty": call_and({"action": "hangup", "params": {}}),
    "hangup params of any kind": call_and({"action": "hangup", "params": {"reason": [1]}}),
    "unknown members everywhere": {
        **call_and({**say(repetition=2, voice="x", text2=None), "id": 7}),
        "version": 2,
        "clientActionId": "menu",
    },
    "top-level nulls": call_and(
        validUntil=None, clientActionId=None, clientRequestId=None, clientBatchId=None
    ),
    "nulls for all optional members": call_and(
        capture(
            **dict.fromkeys(
                (
                    "language",
                    "successMessage",
                    "failureMessage",
                    "repetition",
                    "speed",
                    "minDigits",
                    "maxDigits",
                    "digitTimeout",
                    "overallTimeout",
                    "completeOnHash",
                    "noOfTries",
                    "dtmfCallbackUrl",
                )
            )
        )
    ),
    "a file of the media library": call_and(play(fileUrl="offhook:jingle-1.mp3")),
    "null callRecording": flow(make_call(callRecording=None)),
    "ids of 1": call_and(clientBatchId="a", clientRequestId="b"),
    "ids of 255": call_and(clientBatchId="é" * 255, clientRequestId="\U0001f600" * 255),
    **{
        f"clientActionId {str(value)[:10]!r} is ignored": call_and(clientActionId=value)
        for value in ("", "x" * 256, 7, 7.5, True, ["x"], {"x": 1})
    },
    "byte order mark": b"\xef\xbb\xbf" + encoded(call_and()),
    "text of 1": call_and(say(text="a")),
    "text of 3000 code points": call_and(say(text="\U0001f600" * 3000)),
    "messages of 3000": call_and(
        capture(promptMessage="a" * 3000, successMessage="a" * 3000, failureMessage="a" * 3000)
    ),
    "empty messages": call_and(capture(successMessage="", failureMessage="")),
    "fileUrl with port 1": call_and(play(fileUrl="http://u:p@[::1]:1/a.mp3")),
    "fileUrl of 2048": call_and(play(fileUrl="https://files.example/" + "a" * 2026)),
    "dtmfCallbackUrl of 8192": call_and(
        capture(dtmfCallbackUrl="https://hooks.example/" + "a" * 8170)
    ),
    "an endMessage of another type, not v1.1": call_and(capture(endMessage=7)),
}
