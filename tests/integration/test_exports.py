"""The worker that makes exports: what stands in the files, and who goes on after a worker that died."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from tests.support.stores import NOW, accepted, leg, start_all, waiting

from offhook import config
from offhook.clock import Clock, iso_milliseconds
from offhook.codes import CallStatus, SessionStatus
from offhook.reporting import export_files, export_worker
from offhook.reporting.export_files import CsvFile, cell
from offhook.reporting.export_rows import COLUMNS, CallLog, origin_of
from offhook.reporting.export_worker import ExportWorker
from offhook.session.billing import Tariff
from offhook.session.ports.exports import ExportFormat, ExportJob, ExportRequest, ExportState
from offhook.session.ports.record import NodeRole
from offhook.session.ports.stores import Store
from offhook.session.session import CallQuality, Direction, Leg, Session
from offhook.session.tenancy import SubAccount

OWNER = SubAccount(sub_account_id="acme_corp", account_id="acme")
RATES = config.RatesSection(
    currency="EUR",
    increment="60+60",
    prices=(config.RatePrice(prefix="+65", price="0.05"),),
)


class StillClock(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


def worker(store: Store, name: str = "w1", clock: StillClock | None = None) -> ExportWorker:
    calls = CallLog(Tariff(RATES, {"acme_corp": OWNER}.get), {"acme_corp": OWNER}.get)
    return ExportWorker(store, calls, clock or StillClock(), name)


async def fill(store: Store, *legs: Sequence[Leg], **changes: object) -> list[Session]:
    """Sessions that have ended with these calls, a second apart, the oldest first."""
    node = await store.register_node("n", NodeRole.VOICE, NOW)
    first = NOW - timedelta(seconds=len(legs))
    times = [first + timedelta(seconds=number) for number in range(len(legs))]
    numbers = [calls[0].destination for calls in legs]
    await accepted(
        store,
        *(
            waiting(created_at=at, destination=number)
            for at, number in zip(times, numbers, strict=True)
        ),
    )
    ended = []
    for calls in legs:
        (decision,) = await store.claim(node, start_all, NOW, limit=1)
        session = msgspec.structs.replace(
            decision.session, status=SessionStatus.COMPLETED, legs=tuple(calls), **changes
        )
        await store.save(node, session)
        ended.append(session)
    return ended


def call(destination: str = "+6591234567", **changes: object) -> Leg:
    made = msgspec.structs.replace(
        leg(),
        destination=destination,
        initiated_at=NOW,
        connected_at=NOW + timedelta(seconds=4),
        disconnected_at=NOW + timedelta(seconds=65.5),
        status=CallStatus.COMPLETED,
        sip_code=200,
        quality=CallQuality(mos=4.4, packet_loss_rate=0, jitter=1),
    )
    return msgspec.structs.replace(made, **changes)


async def ask(store: Store, **request: object) -> ExportJob:
    wanted = msgspec.structs.replace(
        ExportRequest(since=NOW - timedelta(days=7), until=NOW), **request
    )
    job = ExportJob(
        job_id="job", sub_account_id="acme_corp", request=wanted, token="t", created_at=NOW
    )
    assert await store.create_export(job, most_waiting=10)
    return job


async def result(store: Store) -> ExportJob:
    found = await store.export("acme_corp", "job")
    assert found is not None
    return found


async def table(store: Store) -> list[dict[str, str]]:
    """The rows of the finished CSV file."""
    job = await result(store)
    assert job.state is ExportState.SUCCEEDED
    pieces = [await store.piece("job", number) for number in range(job.pieces)]
    text = b"".join(zlib.decompress(piece or b"") for piece in pieces).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


async def test_every_column_of_a_call(store: Store) -> None:
    inbound = call(
        "+6568332048", direction=Direction.INBOUND, source="anonymous", connected_at=None
    )
    (session,) = await fill(store, [call(), inbound], tts_length=12)
    await ask(store)
    assert await worker(store).run() == 1
    first, second = await table(store)
    assert tuple(first) == COLUMNS
    assert first == {
        "SessionId": session.session_id,
        "CallId": session.legs[0].call_id,
        "AccountId": "acme",
        "SubAccountId": "acme_corp",
        "Direction": "OUTBOUND",
        "SourceCountryCode": "65",
        "SourceCountry": "Singapore",
        "SourceOperator": "",
        "SourceMCC": "",
        "SourceMNC": "",
        "SourceEndpoint": session.legs[0].source,
        "DestinationCountryCode": "65",
        "DestinationCountry": "Singapore",
        "DestinationOperator": "SingTel",
        "DestinationMCC": "525",
        "DestinationMNC": "01",
        "DestinationEndpoint": "+6591234567",
        "InitiatedAt": iso_milliseconds(NOW),
        "ConnectedAt": iso_milliseconds(NOW + timedelta(seconds=4)),
        "DisconnectedAt": iso_milliseconds(NOW + timedelta(seconds=65.5)),
        "DurationInSec": "61",
        "Product": "VOICE",
        "BillingUnit": "60",
        "BillingIncrement": "60+60",
        "BillableDurationInSec": "120",
        "UnitPrice": "0.05",
        "UnitPriceCurrency": "EUR",
        "TotalPriceOfCall": "0.100000",
        "CallType": "PSTN",
        "SipStatus": "200",
        "SessionStatus": "COMPLETED",
        "CallStatus": "COMPLETED",
        "TTSLength": "12",
        "MOS": "4.4",
        "Content": "",
    }
    assert second["SourceEndpoint"] == "anonymous"
    assert [second[name] for name in COLUMNS[5:10]] == [""] * 5
    assert (second["ConnectedAt"], second["DurationInSec"], second["UnitPrice"]) == ("", "0", "")


async def test_the_callflow_stands_there_for_a_batch_only(store: Store) -> None:
    session = waiting(created_at=NOW - timedelta(seconds=1))
    flow = msgspec.structs.replace(session.callflow, client_batch_id="campaign")
    await fill(store, [call(), call()], callflow=flow)
    await ask(store)
    await worker(store).run()
    first, second = await table(store)
    assert '"action":"makeCall"' in first["Content"]
    assert second["Content"] == ""


async def test_times_number_and_limit_choose(store: Store) -> None:
    sessions = await fill(store, [call()], [call("+12025550100")], [call()])
    second = sessions[1].created_at
    await ask(store, since=second, until=second + timedelta(microseconds=1))
    await worker(store).run()
    assert [row["SessionId"] for row in await table(store)] == [sessions[1].session_id]
    other = await ask_other(store, number="+12025550100")
    assert [row["SessionId"] for row in other] == [sessions[1].session_id]
    newest = await ask_other(store, limit=2)
    assert [row["SessionId"] for row in newest] == [
        sessions[2].session_id,
        sessions[1].session_id,
    ]


async def ask_other(store: Store, **request: object) -> list[dict[str, str]]:
    """The rows of another export."""
    await store.purge_exports(NOW + timedelta(days=99))
    await ask(store, **request)
    await worker(store).run()
    return await table(store)


async def test_an_export_without_calls_is_empty(store: Store) -> None:
    await accepted(store, waiting(created_at=NOW - timedelta(seconds=1)))
    await ask(store)
    await worker(store).run()
    job = await result(store)
    assert (job.state, job.rows, job.pieces) == (ExportState.EMPTY, 0, 0)


class Killed(BaseException):
    """Ends a worker as a kill does: it writes nothing more."""


@pytest.mark.parametrize("pieces", [0, 1, 2, 3, 4])
async def test_a_worker_that_dies_loses_and_repeats_no_row(
    store: Store, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setattr(CsvFile, "most_rows", 4)
    monkeypatch.setattr(export_worker, "PAGE", 2)
    sessions = await fill(store, *([call()] for _ in range(15)))
    await ask(store)
    clock = StillClock()
    add_piece, finish = type(store).add_piece, type(store).finish_export

    async def dying(self: Store, job: ExportJob, *arguments: object) -> bool:
        if job.pieces > pieces:
            raise Killed
        return await add_piece(self, job, *arguments)  # type: ignore[arg-type]

    async def dead(self: Store, *arguments: object) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "add_piece", dying)
        patch.setattr(type(store), "finish_export", dead)
        with pytest.raises(Killed):
            await worker(store, "w1", clock).run()
    assert finish is type(store).finish_export
    assert await worker(store, "w2", clock).run() == 0
    clock.at += export_worker.LEASE
    assert await worker(store, "w2", clock).run() == 1
    found = [row["SessionId"] for row in await table(store)]
    assert found == [session.session_id for session in reversed(sessions)]


async def test_a_job_that_fails_again_and_again_ends_with_error(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(store)
    clock = StillClock()
    for _ in range(export_worker.MOST_ATTEMPTS):
        assert await store.lease_export("crashes", clock.now(), clock.now() + export_worker.LEASE)
        clock.at += export_worker.LEASE
    await worker(store, "w", clock).run()
    assert (await result(store)).state is ExportState.ERROR


async def test_parquet_holds_typed_columns(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    monkeypatch.setattr(export_files.ParquetFile, "most_rows", 2)
    monkeypatch.setattr(export_worker, "PAGE", 1)
    sessions = await fill(store, *([call()] for _ in range(3)))
    await ask(store, format=ExportFormat.PARQUET)
    await worker(store).run()
    job = await result(store)
    assert (job.state, job.rows, job.pieces) == (ExportState.SUCCEEDED, 3, 2)
    rows = []
    for number in range(job.pieces):
        piece = await store.piece("job", number)
        assert piece is not None
        rows += parquet.read_table(io.BytesIO(piece)).to_pylist()
    assert [row["SessionId"] for row in rows] == [each.session_id for each in reversed(sessions)]
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["InitiatedAt"] == NOW
    assert rows[0]["TotalPriceOfCall"] == Decimal("0.1")
    assert (rows[0]["MOS"], rows[0]["SipStatus"], rows[0]["ConnectedAt"]) == (
        4.4,
        200,
        NOW + timedelta(seconds=4),
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+cmd", "'+cmd"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("|calc", "'|calc"),
        ("%0A", "'%0A"),
        ("+6591234567", "+6591234567"),
        ("-1.5", "-1.5"),
        ("a=1", "a=1"),
        ("", ""),
        (None, ""),
        (0, "0"),
        (4.4, "4.4"),
        (Decimal("0.000001"), "0.000001"),
        (Decimal("1E+3"), "1000"),
    ],
)
def test_a_spreadsheet_runs_nothing(value: str | int | float | Decimal | None, text: str) -> None:
    assert cell(value) == text


async def test_a_hostile_caller_name_is_text(store: Store) -> None:
    name = '=HYPERLINK("http://evil.example";"x")\r\n,"'
    await fill(store, [call(source=name)])
    await ask(store)
    await worker(store).run()
    (row,) = await table(store)
    assert row["SourceEndpoint"] == "'" + name
    assert row["SipStatus"] == "200"


@pytest.mark.parametrize(
    ("number", "country", "operator"),
    [
        ("+447400123456", "United Kingdom", "Three"),
        ("+4930123456", "Germany", None),
        ("+12025550100", "United States", None),
        ("+870773111632", None, None),
        ("alice", None, None),
        ("", None, None),
    ],
)
def test_where_a_number_is_from(number: str, country: str | None, operator: str | None) -> None:
    found = origin_of(number)
    assert (found.country, found.operator) == (country, operator)
