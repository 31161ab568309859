"""Runs this example: `python examples/number_masking/run.py`. The rider calls, the driver answers."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from examples import harness  # noqa: E402
from examples.number_masking import server  # noqa: E402

if __name__ == "__main__":
    sys.exit(
        harness.main(
            HERE,
            lambda _offhook: server.create_app(),
            lambda stage: stage.call_in("+12025550155", "+6568332048"),
        )
    )
