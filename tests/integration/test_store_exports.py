"""The contract of the store: jobs that export the call log."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
import pytest
from tests.support.stores import NOW, seconds

from offhook.session.ports.exports import (
    AT_END,
    ExportFormat,
    ExportJob,
    ExportRequest,
    ExportState,
)
from offhook.session.ports.stores import Store

REQUEST = ExportRequest(
    since=NOW - timedelta(days=7), until=NOW, number="+6512341234", limit=5, format=ExportFormat.CSV
)
LATER = NOW + seconds(30)


def job(name: str = "j1", owner: str = "acme_corp", age: float = 0) -> ExportJob:
    return ExportJob(
        job_id=name,
        sub_account_id=owner,
        request=REQUEST,
        token=f"token of {name}",
        created_at=NOW - seconds(age),
    )


async def created(store: Store, *jobs: ExportJob) -> None:
    for each in jobs:
        assert await store.create_export(each, most_waiting=10)


def after(job: ExportJob, rows: int, cursor: str | None = "c") -> ExportJob:
    """The job with one piece more."""
    return msgspec.structs.replace(job, rows=rows, cursor=cursor, pieces=job.pieces + 1)


async def test_a_job_is_found_by_its_sub_account_only(store: Store, other: Store) -> None:
    await created(store, job())
    assert await other.export("acme_corp", "j1") == job()
    assert await other.export("other_corp", "j1") is None
    assert await other.export("acme_corp", "none") is None
    assert await other.export_of_token("token of j1") is None


async def test_unfinished_jobs_of_a_sub_account_are_bounded(store: Store) -> None:
    assert await store.create_export(job("a"), most_waiting=2)
    assert await store.create_export(job("b"), most_waiting=2)
    assert not await store.create_export(job("c"), most_waiting=2)
    assert await store.create_export(job("d", owner="other_corp"), most_waiting=2)
    assert await store.cancel_export("acme_corp", "a")
    assert await store.create_export(job("e"), most_waiting=2)


async def test_the_oldest_job_is_leased_to_one_worker(store: Store, other: Store) -> None:
    await created(store, job("new"), job("old", age=5))
    assert await store.exports_due(NOW)
    found = await asyncio.gather(
        store.lease_export("w1", NOW, LATER), other.lease_export("w2", NOW, LATER)
    )
    ids = [each.job_id for each in found if each is not None]
    assert sorted(ids) == ["new", "old"]
    assert await store.lease_export("w3", NOW, LATER) is None
    assert not await store.exports_due(NOW)


async def test_a_lost_worker_s_job_goes_on_where_it_was(store: Store, other: Store) -> None:
    await created(store, job())
    first = await store.lease_export("w1", NOW, LATER)
    assert first is not None
    assert (first.state, first.attempts) == (ExportState.RUNNING, 1)
    one = after(first, 10)
    assert await store.add_piece(one, "w1", b"one", LATER)
    assert await other.lease_export("w2", LATER - seconds(1), LATER) is None
    second = await other.lease_export("w2", LATER, LATER + seconds(30))
    assert second == msgspec.structs.replace(one, attempts=2)
    # What the first one still writes changes nothing.
    assert not await store.add_piece(after(one, 20), "w1", b"late", LATER)
    assert not await store.renew_export("j1", "w1", LATER)
    assert not await store.finish_export("j1", "w1", ExportState.SUCCEEDED, LATER)
    two = after(second, 15, AT_END)
    assert await other.add_piece(two, "w2", b"two", LATER)
    assert not await other.add_piece(two, "w2", b"twice", LATER)
    expires = NOW + timedelta(days=30)
    assert await other.finish_export("j1", "w2", ExportState.SUCCEEDED, expires)
    done = await store.export_of_token("token of j1")
    assert done is not None
    assert (done.rows, done.pieces, done.expires_at) == (15, 2, expires)
    pieces = [await store.piece("j1", number) for number in range(3)]
    assert pieces == [b"one", b"two", None]
    assert not await store.exports_due(LATER + timedelta(days=1))


async def test_a_renewed_lease_lasts(store: Store) -> None:
    await created(store, job())
    await store.lease_export("w1", NOW, LATER)
    assert await store.renew_export("j1", "w1", LATER + seconds(30))
    assert await store.lease_export("w2", LATER, LATER) is None


async def test_a_cancelled_job_takes_no_piece_and_has_none(store: Store) -> None:
    await created(store, job())
    leased = await store.lease_export("w1", NOW, LATER)
    assert leased is not None
    assert await store.add_piece(after(leased, 1), "w1", b"one", LATER)
    assert not await store.cancel_export("other_corp", "j1")
    assert await store.cancel_export("acme_corp", "j1")
    assert await store.cancel_export("acme_corp", "j1")
    assert not await store.renew_export("j1", "w1", LATER)
    assert not await store.add_piece(after(after(leased, 1), 2), "w1", b"two", LATER)
    assert await store.piece("j1", 0) is None
    found = await store.export("acme_corp", "j1")
    assert found is not None
    assert found.state is ExportState.CANCELLED
    assert await store.lease_export("w2", LATER, LATER) is None


@pytest.mark.parametrize("state", [ExportState.SUCCEEDED, ExportState.EMPTY, ExportState.ERROR])
async def test_a_job_that_has_ended_stays_until_it_expires(
    store: Store, state: ExportState
) -> None:
    await created(store, job())
    leased = await store.lease_export("w1", NOW, LATER)
    assert leased is not None
    assert await store.add_piece(after(leased, 1, AT_END), "w1", b"one", LATER)
    assert await store.finish_export("j1", "w1", state, LATER)
    assert await store.cancel_export("acme_corp", "j1")
    found = await store.export("acme_corp", "j1")
    assert found is not None
    assert found.state is state
    assert await store.purge_exports(LATER) == 0
    assert await store.purge_exports(LATER + seconds(1)) == 1
    assert await store.export("acme_corp", "j1") is None
    assert await store.piece("j1", 0) is None
