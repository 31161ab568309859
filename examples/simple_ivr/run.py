"""Runs this example: `python examples/simple_ivr/run.py`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from examples import harness  # noqa: E402
from examples.simple_ivr import server  # noqa: E402

if __name__ == "__main__":
    sys.exit(
        harness.main(
            HERE,
            lambda _offhook: server.create_app(),
            lambda stage: stage.submit((HERE / "callflow.json").read_text()),
        )
    )
