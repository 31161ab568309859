"""Runs this example: `python examples/advanced_ivr/run.py`. A caller books a table for four at 19:30."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from examples import harness  # noqa: E402
from examples.advanced_ivr import server  # noqa: E402


async def begin(stage: harness.Stage) -> None:
    await stage.call_in("+12025550155", "+6568332048", press=["1", "1", "4", "1930"])
    print(f"Reservations: {server.reservations}")


if __name__ == "__main__":
    sys.exit(harness.main(HERE, lambda _offhook: server.create_app(), begin))
