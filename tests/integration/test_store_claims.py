"""The contract of the store, the voice nodes' side: claims, limits, fencing, orphans."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import pytest
from tests.support.stores import (
    CONNECTED,
    NOW,
    accepted,
    begin,
    claimed,
    ended,
    final,
    leg,
    request_for,
    running,
    seconds,
    start_all,
    waiting,
    webhook_entry,
    within,
)

from offhook.codes import CallStatus, SessionStatus
from offhook.events import CallConnected, LateFact, SessionQueued
from offhook.session.ports.record import (
    ClaimDecision,
    Fenced,
    InboundLimits,
    Node,
    NodeRole,
    Queued,
    Rates,
    TooFast,
    TrunkFull,
    TrunkPace,
    Usage,
)
from offhook.session.ports.stores import Store
from offhook.session.session import Session

DEAD_AFTER = seconds(15)


@pytest.fixture
async def node(store: Store) -> Node:
    """A registered voice node."""
    return await store.register_node("n1", NodeRole.VOICE, NOW)


class TestClaim:
    async def test_a_claimed_session_runs_and_is_offered_to_no_other_node(
        self, store: Store, other: Store, node: Node
    ) -> None:
        await accepted(store, waiting())
        (decision,) = await store.claim(node, start_all, NOW, limit=10)
        session = decision.session
        assert await other.session("acme_corp", session.session_id) == session
        assert await other.events(session.session_id) == [
            (1, SessionQueued(at=NOW)),
            (2, decision.events[0]),
        ]
        assert await other.claim(node, start_all, NOW, limit=10) == []

    async def test_nodes_claiming_at_once_never_get_the_same_session(
        self, store: Store, other: Store, node: Node
    ) -> None:
        sessions = await accepted(store, *(waiting() for _ in range(60)))
        second = await other.register_node("n2", NodeRole.VOICE, NOW)
        found = await asyncio.gather(
            *(
                which.claim(owner, start_all, NOW, limit=7)
                for which, owner in [(store, node), (other, second)] * 6
            )
        )
        ids = [decision.session.session_id for decisions in found for decision in decisions]
        assert sorted(ids) == sorted(session.session_id for session in sessions)

    async def test_a_held_session_hides_no_other_and_is_offered_again_in_time(
        self, store: Store, node: Node
    ) -> None:
        held, other = await accepted(store, waiting(), waiting())
        opening = NOW + seconds(60)

        def hold(waiting: Sequence[Queued], _usage: Usage, _now: datetime) -> list[ClaimDecision]:
            return [
                ClaimDecision(session=each.session, not_before=opening)
                for each in waiting
                if each.session.session_id == held.session_id
            ]

        await store.claim(node, hold, NOW, limit=10)
        just_before = opening - timedelta(microseconds=1)
        (decision,) = await store.claim(node, start_all, just_before, limit=1)
        assert decision.session.session_id == other.session_id
        assert await store.claim(node, start_all, just_before, limit=10) == []
        (decision,) = await store.claim(node, start_all, opening, limit=10)
        assert decision.session.session_id == held.session_id

    async def test_a_held_session_expires_while_it_waits(self, store: Store, node: Node) -> None:
        (session,) = await accepted(store, waiting(valid_until=NOW + seconds(5)))

        def hold(waiting: Sequence[Queued], _usage: Usage, _now: datetime) -> list[ClaimDecision]:
            return [
                ClaimDecision(session=each.session, not_before=NOW + seconds(60))
                for each in waiting
            ]

        await store.claim(node, hold, NOW, limit=10)
        assert await store.claim(node, start_all, NOW + seconds(4), limit=10) == []
        (decision,) = await store.claim(node, start_all, NOW + seconds(5), limit=10)
        assert decision.session.session_id == session.session_id

    async def test_a_trunks_channels_hold_over_all_nodes(
        self, store: Store, other: Store, node: Node
    ) -> None:
        await accepted(store, *(waiting() for _ in range(30)))
        second = await other.register_node("n2", NodeRole.VOICE, NOW)
        plan = within(channels=10)
        found = await asyncio.gather(
            *(
                which.claim(owner, plan, NOW, limit=6)
                for which, owner in [(store, node), (other, second)] * 4
            )
        )
        assert sum(len(decisions) for decisions in found) == 10

    async def test_a_leg_that_is_over_frees_its_channel(self, store: Store, node: Node) -> None:
        session, _ = await running(store, node, 2)
        await accepted(store, waiting())
        assert await store.claim(node, within(channels=2), NOW, limit=5) == []
        over = tuple(msgspec.structs.replace(leg, status=CallStatus.BUSY) for leg in session.legs)
        await store.save(node, msgspec.structs.replace(session, legs=over))
        assert len(await store.claim(node, within(channels=2), NOW, limit=5)) == 1

    async def test_usage_counts_every_live_leg(self, store: Store, node: Node) -> None:
        session, _ = await running(store, node, 2)
        bridged = msgspec.structs.replace(session, legs=(*session.legs, leg(), leg("b"), leg(None)))
        await store.save(node, bridged)
        await accepted(store, waiting("other"))
        seen: list[Usage] = []

        def look(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
            seen.append(usage)
            return []

        await store.claim(node, look, NOW, limit=5)
        assert seen[0].running_by_sub_account == {"acme_corp": 2}
        assert seen[0].channels_by_trunk == {"carrier": 3, "b": 1}

    async def test_calls_per_second_are_a_bucket_over_all_nodes(
        self, store: Store, other: Store, node: Node
    ) -> None:
        await accepted(store, *(waiting() for _ in range(10)))
        rates = Rates(sub_accounts={"acme_corp": 4.0}, trunks={"carrier": 2.0})

        async def starts(which: Store, after: float) -> int:
            at = NOW + seconds(after)
            return len(await which.claim(node, within(), at, limit=9, rates=rates))

        assert await starts(store, 0) == 2
        assert await starts(other, 0.25) == 0
        assert await starts(other, 0.5) == 1
        assert await starts(store, 0.5) == 0
        assert await starts(store, 60) == 2

    async def test_a_slow_rate_still_starts_one(self, store: Store, node: Node) -> None:
        await accepted(store, *(waiting() for _ in range(3)))
        rates = Rates(sub_accounts={"acme_corp": 0.5})
        starts = [
            len(await store.claim(node, within(), NOW + seconds(after), limit=9, rates=rates))
            for after in (0, 1.9, 2.0, 3.0, 4.0)
        ]
        assert starts == [1, 0, 1, 0, 1]

    async def test_a_sub_account_over_its_limits_does_not_delay_other_sub_accounts(
        self, store: Store, node: Node
    ) -> None:
        early = NOW - seconds(60)
        await accepted(store, *(waiting("greedy", created_at=early) for _ in range(40)))
        modest = await accepted(store, waiting("modest"))
        started = await store.claim(node, within(calls=1), NOW, limit=4)
        assert {decision.session.sub_account_id for decision in started} == {"greedy", "modest"}
        assert modest[0].session_id in {decision.session.session_id for decision in started}

    async def test_more_sub_accounts_than_the_limit_take_turns(
        self, store: Store, node: Node
    ) -> None:
        await accepted(store, *(waiting(f"sub{index}") for index in range(9)))
        await accepted(store, *(waiting(f"sub{index}") for index in range(9)))
        seen = set()
        for _ in range(3):
            for decision in await store.claim(node, start_all, NOW, limit=3):
                seen.add(decision.session.sub_account_id)
        assert len(seen) == 9

    async def test_a_full_trunk_hides_no_session_bound_for_another(
        self, store: Store, node: Node
    ) -> None:
        early = NOW - seconds(60)
        blocked = [waiting(destination="+6511111111", created_at=early) for _ in range(20)]
        await accepted(store, *blocked, waiting())

        def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
            return [
                begin(queued, "free")
                if queued.session.callflow.actions[0].destination == "+12025550101"  # type: ignore[union-attr]
                else ClaimDecision(
                    session=queued.session,
                    ready_since=queued.ready_since or now,
                    trunks=("full",),
                )
                for queued in waiting
            ]

        started = []
        for _ in range(12):
            decisions = await store.claim(node, plan, NOW, limit=4)
            started += [d for d in decisions if d.session.status is SessionStatus.RUNNING]
        assert len(started) == 1

    async def test_ready_since_is_remembered_and_what_changes_nothing_left_out(
        self, store: Store, node: Node
    ) -> None:
        await accepted(store, waiting())
        seen: list[datetime | None] = []

        def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
            seen.extend(queued.ready_since for queued in waiting)
            return [
                ClaimDecision(session=q.session, ready_since=q.ready_since or now, trunks=("full",))
                for q in waiting
            ]

        assert len(await store.claim(node, plan, NOW, limit=4)) == 1
        assert await store.claim(node, plan, NOW + seconds(1), limit=4) == []
        assert seen == [None, NOW]

    async def test_expired_sessions_come_first(self, store: Store, node: Node) -> None:
        early = NOW - seconds(60)
        await accepted(store, *(waiting(created_at=early) for _ in range(5)))
        expired = waiting(valid_until=NOW - seconds(1))
        in_time = waiting(valid_until=NOW + seconds(1))
        await accepted(store, in_time, expired)
        (decision,) = await store.claim(node, start_all, NOW, limit=1)
        assert decision.session.session_id == expired.session_id

    async def test_a_session_may_end_without_being_dialled(self, store: Store, node: Node) -> None:
        (session,) = await accepted(store, waiting())
        entry = webhook_entry(type_="VSS", session=session)

        def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
            over = ended(waiting[0].session, SessionStatus.ERROR)
            return [ClaimDecision(session=over, events=(CONNECTED,), outbox=(entry,))]

        await store.claim(node, plan, NOW, limit=1)
        stored = await store.session("acme_corp", session.session_id)
        assert stored is not None
        assert stored.status is SessionStatus.ERROR
        assert len(await store.deliveries(session.session_id)) == 1
        assert await store.claim(node, plan, NOW, limit=1) == []

    async def test_a_planner_that_fails_changes_nothing(self, store: Store, node: Node) -> None:
        await accepted(store, waiting())

        def plan(waiting: Sequence[Queued], usage: Usage, now: datetime) -> Sequence[ClaimDecision]:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await store.claim(node, plan, NOW, limit=1)
        assert len(await store.claim(node, start_all, NOW, limit=1)) == 1

    async def test_a_superseded_node_claims_nothing(self, store: Store, node: Node) -> None:
        await store.register_node("n1", NodeRole.VOICE, NOW)
        with pytest.raises(Fenced):
            await store.claim(node, start_all, NOW, limit=1)
        await accepted(store, waiting())
        with pytest.raises(Fenced):
            await store.claim(node, start_all, NOW, limit=1)


class TestSave:
    async def test_session_events_and_webhooks_are_one(self, store: Store, node: Node) -> None:
        (session,) = await running(store, node)
        entry = webhook_entry(session=session)
        changed = msgspec.structs.replace(session, last_action="SAY")
        await store.save(node, changed, [CONNECTED, CONNECTED], [entry])
        assert await store.session("acme_corp", session.session_id) == changed
        numbered = await store.events(session.session_id, after=2)
        assert numbered == [(3, CONNECTED), (4, CONNECTED)]
        assert len(await store.deliveries(session.session_id)) == 1

    async def test_an_inbound_session_starts_running(self, store: Store, node: Node) -> None:
        session = claimed(waiting())
        await store.start(node, session, [CONNECTED])
        assert await store.session("acme_corp", session.session_id) == session
        await store.save(node, ended(session))

    async def test_a_superseded_node_starts_nothing(self, store: Store, node: Node) -> None:
        await store.register_node("n1", NodeRole.VOICE, NOW)
        with pytest.raises(Fenced):
            await store.start(node, claimed(waiting()), [])

    @pytest.mark.parametrize("case", ["final", "other node", "old epoch", "ended by others"])
    async def test_what_is_not_ours_is_fenced_and_kept_as_late_facts(
        self, store: Store, node: Node, case: str
    ) -> None:
        writer = node
        if case == "final":
            session = await final(store, node)
        else:
            (session,) = await running(store, node)
        if case == "other node":
            writer = await store.register_node("n2", NodeRole.VOICE, NOW)
        if case == "old epoch":
            await store.register_node("n1", NodeRole.VOICE, NOW)
        if case == "ended by others":
            session = ended(session, SessionStatus.ERROR)
            assert await store.end_orphan(session, [CONNECTED], [], await store.heartbeats())
        known = len(await store.events(session.session_id))
        changed = msgspec.structs.replace(session, last_action="HANGUP")
        entry = webhook_entry(session=session)
        fact = CallConnected(at=NOW, call_id="late")
        with pytest.raises(Fenced):
            await store.save(writer, changed, [fact], [entry])
        assert await store.session("acme_corp", session.session_id) == session
        assert await store.deliveries(session.session_id) == []
        ((number, event),) = await store.events(session.session_id, after=known)
        assert number == known + 1
        assert isinstance(event, LateFact)
        assert msgspec.json.decode(event.fact, type=CallConnected) == fact
        with pytest.raises(Fenced):
            await store.save(writer, changed)

    async def test_an_unknown_session_is_fenced(self, store: Store, node: Node) -> None:
        session = claimed(waiting())
        with pytest.raises(Fenced):
            await store.save(node, session, [CONNECTED])
        assert await store.events(session.session_id) == []

    async def test_a_fenced_save_does_not_fail_the_others_in_its_batch(
        self, store: Store, node: Node
    ) -> None:
        over = await final(store, node)
        sessions = await running(store, node, 20)
        calls = [store.save(node, ended(each), [CONNECTED]) for each in sessions]
        calls.insert(10, store.save(node, over, [CONNECTED]))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [index for index, each in enumerate(results) if each is not None] == [10]
        for session in sessions:
            stored = await store.session("acme_corp", session.session_id)
            assert stored is not None
            assert stored.status.final

    @pytest.mark.parametrize("with_events", [True, False])
    async def test_changes_of_one_session_keep_their_order(
        self, store: Store, node: Node, with_events: bool
    ) -> None:
        (session,) = await running(store, node)
        steps = [msgspec.structs.replace(session, last_action=str(n)) for n in range(10)]
        facts = [[CallConnected(at=NOW, call_id=str(n))] if with_events else [] for n in range(10)]
        await asyncio.gather(
            *(store.save(node, step, fact) for step, fact in zip(steps, facts, strict=True))
        )
        assert await store.session("acme_corp", session.session_id) == steps[-1]
        stored = [[event] for _, event in await store.events(session.session_id, after=2)]
        assert stored == (facts if with_events else [])


class TestTakeChannel:
    async def test_until_none_is_free_over_all_nodes(
        self, store: Store, other: Store, node: Node
    ) -> None:
        sessions = await running(store, node, 6)
        bridged = [msgspec.structs.replace(s, legs=(*s.legs, leg("b"))) for s in sessions]
        taken = await asyncio.gather(
            *(
                (store, other)[index % 2].take_channel(node, each, trunk="b", channels=4)
                for index, each in enumerate(bridged)
            )
        )
        assert sum(taken) == 4
        for session, before, has in zip(bridged, sessions, taken, strict=True):
            expected = session if has else before
            assert await store.session("acme_corp", session.session_id) == expected

    async def test_our_own_leg_is_not_in_our_way(self, store: Store, node: Node) -> None:
        (session,) = await running(store, node)
        assert await store.take_channel(node, session, trunk="carrier", channels=1)
        moved = claimed(session, "next")
        assert await store.take_channel(node, moved, [CONNECTED], trunk="next", channels=None)
        assert (await store.events(session.session_id))[-1] == (3, CONNECTED)

    async def test_a_session_needs_a_channel_for_each_of_its_legs_on_the_trunk(
        self, store: Store, node: Node
    ) -> None:
        (session,) = await running(store, node)
        bridged = msgspec.structs.replace(session, legs=(*session.legs, leg("carrier")))
        assert not await store.take_channel(node, bridged, trunk="carrier", channels=1)
        assert await store.take_channel(node, bridged, trunk="carrier", channels=2)

    async def test_the_calls_a_second_of_a_trunk_count_bridged_legs_and_claims_together(
        self, store: Store, other: Store, node: Node
    ) -> None:
        sessions = await running(store, node, 6)
        bridged = [msgspec.structs.replace(s, legs=(*s.legs, leg("b"))) for s in sessions]
        taken = 0
        for index, each in enumerate(bridged):
            with contextlib.suppress(TooFast):
                taken += await (store, other)[index % 2].take_channel(
                    node, each, trunk="b", channels=None, pace=TrunkPace(2.0, NOW)
                )
        assert taken == 2
        tokens: list[float] = []

        def look(waiting: Sequence[Queued], usage: Usage, now: datetime) -> list[ClaimDecision]:
            tokens.append(usage.tokens_by_trunk["b"])
            return [ClaimDecision(session=each.session) for each in waiting]

        await accepted(store, waiting())
        rates = Rates(trunks={"b": 2.0})
        await store.claim(node, look, NOW + seconds(0.5), limit=10, rates=rates)
        assert tokens == [pytest.approx(1.0)]
        assert await other.take_channel(
            node, bridged[5], trunk="b", channels=None, pace=TrunkPace(2.0, NOW + seconds(0.5))
        )

    @pytest.mark.parametrize("channels", [None, 5])
    async def test_what_is_not_ours_is_fenced(
        self, store: Store, node: Node, channels: int | None
    ) -> None:
        session = await final(store, node)
        with pytest.raises(Fenced):
            await store.take_channel(node, session, [CONNECTED], trunk="b", channels=channels)


class TestCallsFromOutside:
    async def test_none_begins_where_the_trunks_channels_are_in_use_on_any_node(
        self, store: Store, other: Store, node: Node
    ) -> None:
        await running(store, node, 3)
        limits = InboundLimits("carrier", channels=5)
        calls = [claimed(waiting()) for _ in range(4)]
        results = await asyncio.gather(
            *(
                (store, other)[index % 2].start(node, call, [CONNECTED], limits)
                for index, call in enumerate(calls)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, TrunkFull) for result in results) == 2
        for call, result in zip(calls, results, strict=True):
            stored = await store.session("acme_corp", call.session_id)
            assert stored == (call if result is None else None)
        await store.start(node, claimed(waiting()), [], InboundLimits("carrier"))
        await store.start(node, claimed(waiting(), "b"), [], InboundLimits("b", channels=1))

    async def test_the_calls_a_second_of_a_trunk_count_over_all_nodes_and_apart_from_dialled_ones(
        self, store: Store, other: Store, node: Node
    ) -> None:
        def limits(after: float) -> InboundLimits:
            return InboundLimits("carrier", pace=TrunkPace(2.0, NOW + seconds(after)))

        (session,) = await running(store, node)
        pace = TrunkPace(1.0, NOW)
        assert await store.take_channel(node, session, trunk="carrier", channels=None, pace=pace)
        await store.start(node, claimed(waiting()), [], limits(0))
        await other.start(node, claimed(waiting()), [], limits(0))
        late = claimed(waiting())
        with pytest.raises(TooFast):
            await store.start(node, late, [], limits(0.1))
        assert await store.session("acme_corp", late.session_id) is None
        await other.start(node, late, [], limits(0.6))


class TestNodes:
    async def test_every_registration_is_a_new_epoch(self, store: Store, other: Store) -> None:
        first = await store.register_node("n1", NodeRole.VOICE, NOW)
        second = await other.register_node("n1", NodeRole.VOICE, NOW)
        assert second.epoch == first.epoch + 1
        await other.heartbeat(second, NOW)
        with pytest.raises(Fenced):
            await store.heartbeat(first, NOW)

    async def test_two_places_with_one_name_get_names_of_their_own(
        self, store: Store, other: Store
    ) -> None:
        async def register(which: Store, place: str, at: datetime = NOW) -> Node:
            return await which.register_node("twin", NodeRole.VOICE, at, place=place)

        first = await register(store, "here")
        second = await register(other, "there")
        third = await register(store, "elsewhere")
        assert [first.name, second.name, third.name] == ["twin", "twin~2", "twin~3"]
        await store.heartbeat(first, NOW)
        again = await register(store, "here")
        assert (again.name, again.epoch) == ("twin", first.epoch + 1)
        assert (await register(other, "there")).name == "twin~2"
        await store.retire_node(again)
        assert (await register(store, "a fourth place")).name == "twin"
        late = NOW + timedelta(days=1, seconds=1)
        assert (await register(store, "here", late)).name == "twin"

    async def test_who_names_no_place_takes_the_name_over(self, store: Store) -> None:
        first = await store.register_node("twin", NodeRole.VOICE, NOW, place="here")
        second = await store.register_node("twin", NodeRole.VOICE, NOW)
        assert second == Node(name="twin", epoch=first.epoch + 1)
        third = await store.register_node("twin", NodeRole.VOICE, NOW, place="there")
        assert third.name == "twin"

    @pytest.mark.parametrize(
        ("case", "orphan"),
        [
            ("alive", False),
            ("silent", True),
            ("revived", False),
            ("superseded", True),
            ("retired", True),
        ],
    )
    async def test_whose_sessions_are_orphans(
        self, store: Store, node: Node, case: str, orphan: bool
    ) -> None:
        (session,) = await running(store, node)
        silent = await store.heartbeats() if case in ("silent", "revived") else ()
        if case == "revived":
            await store.heartbeat(node, NOW - seconds(3600))
        if case == "superseded":
            await store.register_node("n1", NodeRole.VOICE, NOW)
        if case == "retired":
            await store.retire_node(node)
        found = await store.orphans(silent)
        assert found == ([session] if orphan else [])
        over = ended(session, SessionStatus.ERROR)
        entry = webhook_entry(type_="VSS", session=session)
        done = await store.end_orphan(over, [CONNECTED], [entry], silent)
        assert done is orphan
        assert await store.session("acme_corp", session.session_id) == (over if orphan else session)
        assert len(await store.deliveries(session.session_id)) == int(orphan)
        assert not await store.end_orphan(over, [], [], silent)

    async def test_the_latest_heartbeat_of_each_role_is_told(self, store: Store) -> None:
        before = await store.latest_heartbeats()
        later, latest = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
        node = await store.register_node("b", NodeRole.VOICE, later)
        await store.register_node("a", NodeRole.VOICE, NOW)
        await store.register_node("c/api", NodeRole.API, latest)
        assert await store.latest_heartbeats() == {NodeRole.VOICE: later, NodeRole.API: latest}
        await store.heartbeat(node, latest)
        assert (await store.latest_heartbeats())[NodeRole.VOICE] == latest
        await store.retire_node(node)
        told = (await store.latest_heartbeats())[NodeRole.VOICE]
        assert told == max(NOW, before.get(NodeRole.VOICE, NOW))

    async def test_two_who_end_the_same_orphan_send_one_summary(
        self, store: Store, other: Store, node: Node
    ) -> None:
        sessions = await running(store, node, 10)
        await store.retire_node(node)

        async def end(which: Store, session: Session) -> bool:
            entry = webhook_entry(type_="VSS", session=session)
            return await which.end_orphan(ended(session), [], [entry])

        done = await asyncio.gather(*(end(s, each) for each in sessions for s in (store, other)))
        assert sum(done) == 10
        for session in sessions:
            assert len(await store.deliveries(session.session_id)) == 1

    async def test_orphans_are_given_in_bounded_numbers(self, store: Store, node: Node) -> None:
        await running(store, node, 5)
        await store.retire_node(node)
        assert len(await store.orphans(limit=3)) == 3


async def test_a_keyed_request_may_be_claimed_like_any_other(store: Store, node: Node) -> None:
    session = waiting()
    await store.accept(session, [], request_for(session, key="k"))
    assert len(await store.claim(node, start_all, NOW, limit=1)) == 1
