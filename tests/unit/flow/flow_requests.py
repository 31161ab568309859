"""Building blocks of the judge's tests: facts, actions, and the contract's texts, copied by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from offhook.flow.context import JudgingContext, ListedProfile, Profile, Profiles
from offhook.flow.judge import judge
from offhook.flow.neighbours import ProfileNeighbours
from offhook.flow.problems import Mode, Verdict

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)

Json = dict[str, object]

TEXTS: dict[int, tuple[str, int]] = {
    -1001: ("Invalid JSON request body", 400),
    -1002: ("Speech profile or language parameter invalid", 422),
    -1003: ("Valid maxDigits required when minDigits provided", 422),
    -1004: ("DTMF callback url not provided", 422),
    -1005: ("Valid overallTimeout is required when digitTimeout provided", 422),
    -1006: ("OverallTimeout should be greater than digitTimeout", 422),
    -1007: (
        "Invalid action type was used. Accepted action type is "
        "[say, sayAndcapture, makeCall, hangup, playFile]",
        400,
    ),
    -1008: ("Valid maxDigits is required when completeOnHash is false", 422),
    -1009: ("Invalid call flow entry provided. ", 400),
    -1010: ("Some actions are provided beyond the allowed count", 422),
    -1011: ("Multiple destination phone numbers found in the request", 422),
    -1012: ("Invalid Callflow : Incorrect use of action Hangup", 422),
    -1013: ("Invalid Callflow : First action should be a MakeCall action", 422),
    -1014: ("Source or caller ID is not allowed", 422),
    -1015: ("The validity period of the call flow request has expired", 422),
    -1016: ("Invalid Callflow Content: Some special characters are invalid/unaccepted", 422),
    -1017: ("Invalid MSISDN format in Destination", 422),
    -1018: (
        "Invalid Callflow: Execute Scenario cannot be processed together with other actions",
        422,
    ),
    -1019: ("Invalid Callflow Content: scenarioName is null or empty", 422),
    -1020: (
        "Invalid Callflow: Invalid scenarioName or the account doesn't have permission "
        "to execute this scenario",
        422,
    ),
}
"""``spec/status-codes.md``: the text of every code, and its HTTP status."""


class Voices(Profiles):
    """Speech profiles of a few languages."""

    table = (
        Profile(code="en-GB-Emma", locale="en-GB", gender="F", vendor="polly"),
        Profile(code="en-US-JennyNeural", locale="en-US", gender="F", vendor="azure"),
        Profile(code="id-ID-ArdiNeural", locale="id-ID", gender="M", vendor="azure"),
        Profile(code="cmn-CN-Standard-A", locale="cmn-CN", vendor="google"),
        Profile(code="nb-NO-PernilleNeural", locale="nb-NO", gender="F", vendor="azure"),
    )

    neighbours = ProfileNeighbours(table)

    def find(self, code: str) -> Profile | None:
        return next(
            (p for p in self.table if code in (p.code, p.code.removesuffix("Neural"))), None
        )

    def speaks(self, language: str) -> bool:
        return language.partition("-")[0] in ("en", "id", "zh", "no", "nb", "nn")

    def near(self, asked: str) -> tuple[str, ...]:
        return self.neighbours.near(asked)

    def listed(self) -> Sequence[ListedProfile]:
        return ()


FACTS = JudgingContext(
    profiles=Voices(),
    sources=frozenset({"+6512341234", "+442071234567"}),
    has_vca=True,
    scenarios=frozenset({"reminder"}),
)
WITHHELD = msgspec.structs.replace(FACTS, withheld_allowed=True)
NO_VCA = msgspec.structs.replace(FACTS, has_vca=False)
ANY_SOURCE = msgspec.structs.replace(FACTS, sources=frozenset({"*"}))


def action(name: str, params: Json | None = None, **changes: object) -> Json:
    """An action; a change to ``...`` leaves the member out."""
    members = {**(params or {}), **changes}
    return {"action": name, "params": {k: v for k, v in members.items() if v is not ...}}


def make_call(**changes: object) -> Json:
    """A faultless makeCall, but for ``changes``."""
    return action("makeCall", {"source": "6512341234", "destination": "+6590000000"}, **changes)


def say(**changes: object) -> Json:
    """A faultless say, but for ``changes``."""
    return action("say", {"text": "Hello", "voiceProfile": "en-GB-Emma"}, **changes)


def capture(**changes: object) -> Json:
    """A faultless sayAndCapture, but for ``changes``."""
    params: Json = {"promptMessage": "Press one", "voiceProfile": "en-GB-Emma"}
    return action("sayAndCapture", params, **changes)


def play(**changes: object) -> Json:
    """A faultless playFile, but for ``changes``."""
    return action("playFile", {"fileUrl": "https://files.example/a.mp3"}, **changes)


def scenario(**changes: object) -> Json:
    """A faultless executeScenario, but for ``changes``."""
    return action("executeScenario", {"scenarioName": "reminder"}, **changes)


HANGUP: Json = {"action": "hangup"}


def flow(*actions: object, **top: object) -> Json:
    """A request of these actions."""
    return {"callflow": list(actions), **top}


def call_and(*actions: object, **top: object) -> Json:
    """A request that calls, then does this."""
    return flow(make_call(), *actions, **top)


def encoded(body: object) -> bytes:
    """The JSON text of a body; bytes as they are."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def judged(body: object, facts: JudgingContext = FACTS, mode: Mode = Mode.SUBMITTED) -> Verdict:
    """The verdict on a body."""
    return judge(encoded(body), facts, NOW, mode=mode)


def codes(verdict: Verdict) -> list[int]:
    """The codes of a verdict's problems, in order."""
    return [problem.code for problem in verdict.problems]
