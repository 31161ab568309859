"""How long the judge occupies the event loop: typical bodies, and the worst of 256 KiB.

Run with ``python tests/bench/bench_judge.py``; prints milliseconds of CPU time, best and median of
repeated runs. What to reach: a typical body well under 0.1 ms, any body under 5 ms (DESIGN.md).
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from offhook.flow.context import JudgingContext, ListedProfile, Profile, Profiles
from offhook.flow.judge import LARGEST_BODY, judge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALL = {"action": "makeCall", "params": {"source": "6512345678", "destination": "6590000000"}}
SAY = {"action": "say", "params": {"text": "Hi, this is a test", "voiceProfile": "en-GB-Emma"}}
CAPTURE = {
    "action": "sayAndCapture",
    "params": {
        "promptMessage": "Press one",
        "voiceProfile": "en-GB-Emma",
        "minDigits": 1,
        "maxDigits": 4,
        "digitTimeout": 10000,
        "overallTimeout": 10000,
        "completeOnHash": True,
        "noOfTries": 2,
    },
}


class OneProfile(Profiles):
    """A table of one voice."""

    def find(self, code: str) -> Profile | None:
        return Profile(code=code, locale="en-GB") if code == "en-GB-Emma" else None

    def speaks(self, language: str) -> bool:
        return language == "en-GB"

    def near(self, asked: str) -> tuple[str, ...]:
        return ("en-GB-Emma",)

    def listed(self) -> Sequence[ListedProfile]:
        return ()


FACTS = JudgingContext(profiles=OneProfile(), sources=frozenset({"+6512345678"}), has_vca=True)


def filled(element: str) -> bytes:
    """The largest body whose callflow repeats ``element``."""
    times = (LARGEST_BODY - 20) // (len(element) + 1)
    return f'{{"callflow":[{",".join([element] * times)}]}}'.encode()


def members(element: str) -> bytes:
    """A faultless body with the largest unknown member that repeats ``element``."""
    good = json.dumps({"callflow": [CALL, SAY]})[:-1]
    times = (LARGEST_BODY - len(good) - 20) // (len(element) + 1)
    return f'{good},"x":[{",".join([element] * times)}]}}'.encode()


CASES: dict[str, bytes] = {
    "voice message": json.dumps({"callflow": [CALL, SAY, {"action": "hangup"}]}).encode(),
    "menu": json.dumps({"callflow": [CALL, SAY, CAPTURE]}).encode(),
    "50 actions": json.dumps({"callflow": [CALL] + [CAPTURE] * 49}).encode(),
    "50 texts of 3000, Thai": json.dumps(
        {
            "callflow": [CALL]
            + [{"action": "say", "params": {"text": "ก" * 1600, "language": "en-GB"}}] * 49
        },
        ensure_ascii=False,
    ).encode(),
    "integers": filled("1"),
    "empty objects": filled("{}"),
    "hangups": filled('{"action":"hangup"}'),
    "captures": filled(json.dumps(CAPTURE, separators=(",", ":"))),
    "wrong captures": filled(
        '{"action":"sayAndCapture","params":{"minDigits":"","maxDigits":"","speed":"","language":1}}'
    ),
    "unknown integers": members("1"),
    "unknown objects": members("{}"),
    "unknown towers": members("[" * 25 + "]" * 25),
    "unknown strings": members('""'),
    "unknown surrogates": members('"\\ud800"'),
    "unknown keys": members('{"a":1}'),
    "unknown floats, no number for msgspec": members("1.5")[:-1] + b',"y":"\\ud800"}',
    "too deep": b"[" * LARGEST_BODY,
}


def milliseconds(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Best and median CPU time of a run."""
    taken = []
    for _ in range(times):
        begin = time.thread_time_ns()
        run()
        taken.append((time.thread_time_ns() - begin) / 1e6)
    return min(taken), statistics.median(taken)


def main() -> int:
    """Print a line per case."""
    print(f"{'body':42} {'bytes':>7} {'best':>8} {'median':>8}  verdict")
    for name, body in CASES.items():
        best, median = milliseconds(lambda body=body: judge(body, FACTS, NOW), 11)  # type: ignore[misc]
        verdict = judge(body, FACTS, NOW)
        told = f"{verdict.status} ({len(verdict.problems)} problems)"
        print(f"{name:42} {len(body):7} {best:8.3f} {median:8.3f}  {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
