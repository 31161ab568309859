"""Fuzzes one target with atheris.

    python -m tests.support.fuzz.run sip -max_total_time=20 NEW tests/support/fuzz/seeds/sip

New inputs go to the folder ``NEW``. An input that breaks an invariant is written as ``crash-…`` into the
working folder: put it into ``found/TARGET-WHAT``, where a test plays it from then on.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["offhook.sip", "offhook.telephony.screening"]):
    from tests.support.fuzz.targets import TARGETS


def main() -> None:
    """The first argument names the target; the others are libFuzzer's."""
    name = sys.argv.pop(1)
    atheris.Setup([sys.argv[0], *sys.argv[1:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
