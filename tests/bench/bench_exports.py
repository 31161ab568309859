"""Export of 1,000,000 rows: time, peak memory of the exporting process, the file compared with the store.

``make bench ARGS=exports``; ``OFFHOOK_BENCH_ROWS`` is another number, ``OFFHOOK_BENCH_PREFIX`` what stands
before the process's command (``chrt -r 20``). The rows come from SQLite; the process is the real one.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from offhook.codes import CallStatus, SessionStatus
from offhook.config import Config, Database
from offhook.flow.actions import Callflow, Hangup
from offhook.session.ports.exports import ExportFormat, ExportJob, ExportRequest
from offhook.session.session import Direction, Leg, Session
from offhook.store import open_store, upgrade
from offhook.store.rows import session_row

NOW = datetime.now(UTC)
ROWS = int(os.environ.get("OFFHOOK_BENCH_ROWS", "1000000"))


PREFIX = os.environ.get("OFFHOOK_BENCH_PREFIX", "").split()


def sessions(count: int) -> Iterator[Session]:
    """Ended sessions, the oldest first; every tenth number is another."""
    for number in range(count):
        at = NOW - timedelta(days=1) + timedelta(milliseconds=number * 50)
        leg = Leg(
            call_id=f"call-{number:08d}",
            direction=Direction.OUTBOUND,
            source="+6568332048",
            destination=f"+65{91000000 + number % 100_000}",
            trunk="main",
            initiated_at=at,
            connected_at=at + timedelta(seconds=3),
            disconnected_at=at + timedelta(seconds=3 + number % 100),
            status=CallStatus.COMPLETED,
            sip_code=200,
        )
        yield Session(
            session_id=f"session-{number:08d}",
            sub_account_id="acme_corp",
            call_flow_request_id="r",
            status=SessionStatus.COMPLETED,
            callflow=Callflow(actions=(Hangup(),)),
            created_at=at,
            legs=(leg,),
        )


def fill(path: Path, count: int) -> str:
    """Store the sessions; returns a digest of what the file must say of them, newest first."""
    connection = sqlite3.connect(path)
    columns = ", ".join("?" * 12)
    rows = (session_row(session, 0) for session in sessions(count))
    connection.executemany(f"INSERT INTO sessions VALUES ({columns})", rows)
    connection.commit()
    digest = hashlib.sha256()
    query = "SELECT document FROM sessions ORDER BY created_at DESC, session_id DESC"
    for (document,) in connection.execute(query):
        leg = msgspec.json.decode(document, type=Session).legs[0]
        digest.update(f"{leg.call_id},{leg.destination},{leg.connected_seconds}\n".encode())
    connection.close()
    return digest.hexdigest()


def digest_of(path: Path, pieces: int) -> tuple[int, str]:
    """Rows and digest of the file, read again."""
    connection = sqlite3.connect(path)
    digest, rows = hashlib.sha256(), 0
    for number in range(pieces):
        query = "SELECT data FROM export_pieces WHERE number = ?"
        (data,) = connection.execute(query, (number,)).fetchone()
        text = io.StringIO(zlib.decompress(data).decode(), newline="")
        for row in csv.reader(text):
            if row[0] == "SessionId":
                continue
            rows += 1
            digest.update(f"{row[1]},{row[16]},{row[20]}\n".encode())
    connection.close()
    return rows, digest.hexdigest()


async def queue(url: str) -> None:
    """Ask for the export."""
    store = open_store(url)
    await store.open()
    request = ExportRequest(
        since=NOW - timedelta(days=2), until=NOW + timedelta(days=2), format=ExportFormat.CSV
    )
    job = ExportJob(
        job_id="job", sub_account_id="acme_corp", request=request, token="t", created_at=NOW
    )
    assert await store.create_export(job, most_waiting=1)
    await store.close()


PAUSE, MOST_STARTS = 5.0, 30
"""The API starts the process again while work is left; here so many times at most."""


def run_exporter(config: bytes, path: Path, kill_at_row: int | None = None) -> tuple[int, float]:
    """Run the process as the API does; its exit status, and the most MiB that it had.

    ``kill_at_row``: ``kill -9`` once so many rows are written.
    """
    process = subprocess.Popen(
        [*PREFIX, sys.executable, "-m", "offhook.processes.exporter"], stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(len(config).to_bytes(8, "big") + config)
    process.stdin.flush()
    running = os.WEXITED | os.WNOHANG | os.WNOWAIT
    peak = 0.0
    while os.waitid(os.P_PID, process.pid, running) is None:
        peak = max(peak, most_resident(process.pid))
        if kill_at_row is not None and written(path) >= kill_at_row:
            process.kill()
        time.sleep(0.2)
    status = process.wait()
    process.stdin.close()
    return status, peak


def most_resident(pid: int) -> float:
    """MiB that a process had at most until now; 0: it has ended.

    The kernel's ``ru_maxrss`` begins with what the process had that started it.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def written(path: Path) -> int:
    """The rows that are in the file so far."""
    connection = sqlite3.connect(path)
    (rows,) = connection.execute("SELECT rows FROM exports").fetchone()
    connection.close()
    return int(rows)


def is_over(path: Path) -> bool:
    """Whether the job has ended; one that waited too long for a busy database has not."""
    connection = sqlite3.connect(path)
    (state,) = connection.execute("SELECT state FROM exports").fetchone()
    connection.close()
    return str(state) not in ("queued", "running")


def measure(count: int, kill_at_row: int | None = None) -> dict[str, object]:
    """One export by the real process, which is killed once where ``kill_at_row`` says so."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        url = f"sqlite:///{path}"
        upgrade(url)
        expected = fill(path, count)
        asyncio.run(queue(url))
        config = msgspec.msgpack.encode(Config(database=Database(url=url)))
        begin = time.perf_counter()
        (status, peak), starts = run_exporter(config, path, kill_at_row), 1
        while status in (0, -signal.SIGKILL) and starts < MOST_STARTS and not is_over(path):
            time.sleep(PAUSE)
            (status, used), starts = run_exporter(config, path), starts + 1
            peak = max(peak, used)
        seconds = time.perf_counter() - begin
        connection = sqlite3.connect(path)
        state, pieces = connection.execute("SELECT state, pieces FROM exports").fetchone()
        size = connection.execute("SELECT sum(length(data)) FROM export_pieces").fetchone()[0]
        connection.close()
        rows, found = digest_of(path, pieces)
        return {
            "status": status,
            "starts": starts,
            "killed at row": kill_at_row,
            "state": state,
            "rows": rows,
            "seconds": round(seconds, 1),
            "rows a second": round(rows / seconds),
            "peak MiB": round(peak),
            "stored MiB": round(size / 2**20, 1),
            "file equals store": found == expected,
        }


def main() -> None:
    """Print the figures."""
    print(json.dumps(measure(ROWS), indent=1))


if __name__ == "__main__":
    main()
