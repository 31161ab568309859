"""Example requests of the OpenAPI document; a test judges them."""

from __future__ import annotations

from typing import Any

_CALL: dict[str, Any] = {
    "action": "makeCall",
    "params": {"source": "+6512341234", "destination": "+12025550101"},
}

VOICE_MESSAGE: dict[str, Any] = {
    "callflow": [
        _CALL,
        {
            "action": "say",
            "params": {
                "text": "Your parcel arrives today between two and four.",
                "voiceProfile": "en-US-JennyNeural",
                "repetition": 2,
            },
        },
        {"action": "hangup"},
    ],
    "clientRequestId": "order-4711",
}

IVR: dict[str, Any] = {
    "callflow": [
        _CALL,
        {
            "action": "sayAndCapture",
            "params": {
                "promptMessage": "Press 1 to confirm your appointment, 2 to change it.",
                "failureMessage": "Sorry, I did not get that.",
                "voiceProfile": "en-US-JennyNeural",
                "minDigits": 1,
                "maxDigits": 1,
                "digitTimeout": 5000,
                "overallTimeout": 10000,
                "completeOnHash": False,
                "noOfTries": 2,
            },
        },
    ],
    "clientActionId": "confirm-or-change",
}

NUMBER_MASKING: dict[str, Any] = {
    "callflow": [
        _CALL,
        {
            "action": "makeCall",
            "params": {"source": "+6512341234", "destination": "+12025550102"},
        },
    ],
}

LEGACY: dict[str, Any] = {
    "callflow": [
        {
            "action": "say",
            "params": {
                "source": "+6512341234",
                "destination": "+12025550101",
                "text": "Hello",
                "language": "en-GB",
            },
        }
    ],
}
