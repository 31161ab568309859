"""The contract of the store: recordings and push configurations."""

from __future__ import annotations

import msgspec
from tests.support.stores import NOW, seconds

from offhook.clock import new_id
from offhook.session.ports.record import OutboxEntry, OutboxType
from offhook.session.ports.recording import RecordingRecord, RecordingState
from offhook.session.ports.stores import Store
from offhook.session.tenancy import PushConfig, PushProtocol

PUSH = PushConfig(
    protocol=PushProtocol.SFTP, host="files.example", username="u", password="s3cret", path="/r"
)


def recording(number: int = 1, **changes: object) -> RecordingRecord:
    """One that waits for its upload."""
    made = RecordingRecord(
        recording_id=f"r{number}",
        session_id="s1",
        sub_account_id="acme",
        started_at=NOW + seconds(number),
        state=RecordingState.WAITING,
        storage="disk-1",
        file_name=f"r{number}.mp3",
        duration=1.5,
        next_at=NOW,
        give_up_at=NOW + seconds(3600),
    )
    return msgspec.structs.replace(made, **changes)


async def leased(store: Store, at: float = 0, *, storage: str = "disk-1") -> list[str]:
    """The ids of what is due by then."""
    found = await store.lease_recordings(storage, NOW + seconds(at), lease=60, limit=50)
    return [each.recording_id for each in found]


async def test_a_recording_comes_back_as_it_was_put(store: Store) -> None:
    one = recording(detail="odd", progress="part 3", octets=7, location="sftp://x/y")
    await store.put_recording(one)
    assert await store.recording("r1") == one
    assert list(await store.recordings("acme", "s1")) == [one]
    assert list(await store.recordings("other", "s1")) == []
    assert await store.recording("nothing") is None


async def test_recordings_of_a_session_are_listed_oldest_first(store: Store) -> None:
    for number in (2, 3, 1):
        await store.put_recording(recording(number))
    listed = await store.recordings("acme", "s1")
    assert [each.recording_id for each in listed] == ["r1", "r2", "r3"]


async def test_adding_changes_nothing_that_is_there(store: Store) -> None:
    await store.put_recording(recording(state=RecordingState.KEPT))
    await store.add_recording(recording(state=RecordingState.LIVE))
    found = await store.recording("r1")
    assert found is not None
    assert found.state is RecordingState.KEPT


async def test_a_leased_recording_is_due_again_when_the_lease_is_over(store: Store) -> None:
    await store.put_recording(recording())
    assert await leased(store) == ["r1"]
    assert await leased(store, 59) == []
    assert await leased(store, 60) == ["r1"]


async def test_only_what_waits_in_this_storage_is_leased(store: Store) -> None:
    for number, state in enumerate(RecordingState):
        await store.put_recording(recording(number, state=state))
    await store.put_recording(recording(9, storage="disk-2"))
    assert await leased(store) == ["r1"]
    assert await leased(store, storage="disk-2") == ["r9"]


async def test_a_sub_account_with_many_recordings_does_not_delay_others(store: Store) -> None:
    for number in range(20):
        await store.put_recording(recording(number))
    late = recording(99, sub_account_id="other", next_at=NOW + seconds(1))
    await store.put_recording(late)
    first = await leased(store, 1)
    assert len(first) == 5
    assert "r99" in first


async def test_a_new_push_configuration_makes_waiting_recordings_due(store: Store) -> None:
    await store.put_recording(recording(1, next_at=NOW + seconds(3000)))
    await store.put_recording(recording(2, next_at=NOW + seconds(60)))
    await store.put_recording(recording(3, sub_account_id="other", next_at=NOW + seconds(3000)))
    await store.recordings_due("acme", NOW)
    assert await leased(store) == ["r1"], "r2 may be uploading: its lease is over soon"


async def test_the_webhook_of_a_recording_is_stored_with_it(store: Store) -> None:
    entry = OutboxEntry(
        delivery_id=new_id(),
        sub_account_id="acme",
        type=OutboxType.VRU,
        payload=b"{}",
        created_at=NOW,
        give_up_at=NOW + seconds(60),
        session_id="s1",
    )
    await store.put_recording(recording(state=RecordingState.KEPT), [entry])
    (found,) = await store.deliveries("s1")
    assert (found.type, found.payload) == (OutboxType.VRU, b"{}")
    (due,) = await store.lease_deliveries("w", NOW, lease=10, limit=10)
    assert due.entry == entry


async def test_old_recordings_are_found_and_deleted_but_not_live_ones(store: Store) -> None:
    await store.put_recording(recording(1, state=RecordingState.UPLOADED))
    await store.put_recording(recording(2, state=RecordingState.LIVE))
    await store.put_recording(recording(8, state=RecordingState.KEPT))
    old = await store.old_recordings("disk-1", NOW + seconds(5), limit=10)
    assert [each.recording_id for each in old] == ["r1"]
    assert await store.delete_recording("r1")
    assert not await store.delete_recording("r1")
    assert await store.old_recordings("disk-1", NOW + seconds(5), limit=10) == []


async def test_push_configurations_are_kept_with_their_passwords(store: Store) -> None:
    before = await store.tenancy_version()
    await store.put_push_config("acme", PUSH)
    changed = msgspec.structs.replace(PUSH, host="other.example", host_key="SHA256:abc")
    await store.put_push_config("acme", changed)
    assert list(await store.push_configs()) == [("acme", changed)]
    assert await store.tenancy_version() > before
    assert await store.delete_push_config("acme")
    assert not await store.delete_push_config("acme")
    assert list(await store.push_configs()) == []
