"""Runs this example: `python examples/otp_call/run.py`. Speaks a code to a built-in phone, then checks it."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from examples import harness  # noqa: E402
from examples.otp_call import server  # noqa: E402

NUMBER = "+12025550100"


class KnownCodes(server.Codes):
    """Tells us the code, which only the phone should hear."""

    last = ""

    def new(self, number: str) -> str:
        self.last = super().new(number)
        return self.last


codes = KnownCodes()


async def begin(stage: harness.Stage) -> None:
    print(await stage.post(f"{stage.server}/otp", {"to": NUMBER}))
    for guess in ("000000x", codes.last, codes.last):
        answer = await stage.post(f"{stage.server}/verify", {"to": NUMBER, "code": guess})
        print(f"{guess} is valid: {answer['valid']}", flush=True)


if __name__ == "__main__":
    sys.exit(
        harness.main(
            HERE,
            lambda offhook: server.create_app(offhook, harness.API_KEY, codes),
            begin,
        )
    )
