"""All benchmarks, one after another: ``python -m tests.bench [NAME …]``, each in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time

BENCHES: dict[str, list[str]] = {
    "attack": [],
    "campaigns": [],
    "calls": ["--rates", "20,50,100", "--seconds", "15", "--live", "200"],
    "console": [],
    "conversation": ["--live", "0,100", "--rounds", "60"],
    "engines": [
        "--engine",
        "none",
        "native",
        "python",
        "--legs",
        "100",
        "500",
        "1000",
        "--way",
        "play",
        "bridge",
    ],
    "endurance": ["--rate", "60", "--minutes", "10"],
    "exports": [],
    "first_words": [],
    "front": [],
    "full_store": ["--sizes", "0,100000,500000"],
    "http_attack": [],
    "hear": [],
    "http": ["--seconds", "8"],
    "judge": [],
    "latencies": [],
    "long_recording": [],
    "mutation": ["--each", "12"],
    "operating": [],
    "prompts": [],
    "relays": [],
    "nodes": [],
    "media": ["--legs", "50", "200", "400"],
    "retention": [],
    "sip": [],
    "transports": [],
    "soak": ["--calls", "20000", "--rate", "30"],
    "speech": [],
    "start": [],
    "store": ["--seconds", "5"],
    "storm": [],
    "web_phones": [],
    "webhooks": [],
}
"""Each benchmark with what it is asked; its module explains what it measures."""


def main() -> int:
    """Run those that are named, or all; 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names = parser.parse_args().names or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    failed = []
    for name in names:
        print(f"\n## {name}\n", flush=True)
        began = time.monotonic()
        command = [sys.executable, "-m", f"tests.bench.bench_{name}", *BENCHES[name]]
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
        print(f"\n({name}: {time.monotonic() - began:.0f} s)", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
