"""Runs this example: `python examples/appointment_reminder/run.py`. Busy at first, reached at home then."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from examples import harness  # noqa: E402
from examples.appointment_reminder import server  # noqa: E402

APPOINTMENT = {
    "name": "Ann",
    "numbers": ["+12025550102", "+12025550101"],
    "when": "tomorrow at ten",
}


async def begin(stage: harness.Stage) -> None:
    await stage.post(f"{stage.server}/remind", APPOINTMENT)


if __name__ == "__main__":
    sys.exit(
        harness.main(
            HERE,
            lambda offhook: server.create_app(offhook, harness.API_KEY, pause=1.0),
            begin,
            sessions=2,
        )
    )
