"""How long ``offhook serve`` takes from its start to its ready line, with few and with many sub-accounts.

``python -m tests.bench.bench_start [--sub-accounts 1 1000 10000] [--rounds 3]``: a new database each time,
the median of the rounds. The aim is under 2 s, and 3 s with 10,000 sub-accounts.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.net import free_port

TIMEOUT = 120
HEAD = """
[http]
listen = "127.0.0.1:{http}"
[sip]
listen = ["udp:127.0.0.1:{sip}"]
[database]
url = "sqlite:///{folder}/offhook.db"
[[trunks]]
name = "carrier"
address = "udp:127.0.0.1:5080"
[[routes]]
trunks = ["carrier"]
"""
SUB_ACCOUNT = """
[[subaccounts]]
id = "acme_{n}"
account = "acme_{n}"
api_keys = ["sha256:{n:064x}"]
caller_ids = ["+6512{n:06}"]
coverage = ["SG", "+44"]
max_calls = 50
[[subaccounts.numbers]]
msisdn = "+6568{n:06}"
reference_id = "PSTN{n}"
[[subaccounts.webhooks]]
type = "VSS"
url = "https://acme.example/{n}/vss"
"""


def seconds_to_ready(sub_accounts: int) -> float:
    """One start."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "offhook.toml"
        head = HEAD.format(http=free_port(), sip=free_port(), folder=folder)
        path.write_text(head + "".join(SUB_ACCOUNT.format(n=n) for n in range(sub_accounts)))
        began = time.monotonic()
        server = subprocess.Popen(
            [sys.executable, "-m", "offhook", "serve", "--config", str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if "OFFHOOK" not in name},
        )
        assert server.stdout is not None
        try:
            if not server.stdout.readline().startswith(b"Offhook is ready"):
                raise SystemExit("the server did not start")
            return time.monotonic() - began
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=TIMEOUT)


def main() -> None:
    """Print a line for each number of sub-accounts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sub-accounts", type=int, nargs="+", default=[1, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for sub_accounts in options.sub_accounts:
        taken = sorted(seconds_to_ready(sub_accounts) for _ in range(options.rounds))
        shown = ", ".join(f"{each:.2f}" for each in taken)
        print(f"{sub_accounts:>6} sub-accounts: {statistics.median(taken):.2f} s ({shown})")


if __name__ == "__main__":
    main()
