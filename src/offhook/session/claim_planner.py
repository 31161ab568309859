"""Which waiting sessions start now: validity, coverage, and the limits of sub-accounts and trunks.

Pure: the store reads the waiting sessions and the usage, calls the planner inside the claim's transaction
and stores its decisions, so limits hold over all nodes (DESIGN.md, "dispatch").
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from offhook import config
from offhook.codes import RuntimeCode
from offhook.events import (
    AnyEvent,
    SessionStarted,
    Side,
)
from offhook.faults import FaultLog
from offhook.flow.actions import LAST_ACTION_NAMES, MakeCall
from offhook.flow.numbers import time_zones_of
from offhook.session import states
from offhook.session.calling_hours import CallingHours, OutsideHours, zones_of
from offhook.session.ports.metering import Spending
from offhook.session.ports.record import ClaimDecision, Queued, Rates, Usage
from offhook.session.ports.webhooks import Reports
from offhook.session.routing import covered, live_first, trunks_for, user_for, why_not_routed
from offhook.session.session import Session, SessionError
from offhook.session.tenancy import SubAccount

faults = FaultLog(logging.getLogger(__name__))

LONGEST_HOLD = timedelta(hours=1)
"""A session outside of its calling hours is looked at again after it: the hours may have changed."""


class _Budget:
    """The rest of every limit while one plan is made."""

    def __init__(self, usage: Usage, trunks: Mapping[str, config.TrunkSection]) -> None:
        self._running = dict(usage.running_by_sub_account)
        self._channels = dict(usage.channels_by_trunk)
        self._sub_account_tokens = dict(usage.tokens_by_sub_account)
        self._trunk_tokens = dict(usage.tokens_by_trunk)
        self._trunks = trunks

    def sub_account_free(self, sub_account: SubAccount) -> bool:
        name = sub_account.sub_account_id
        limit = sub_account.max_calls
        if limit is not None and self._running.get(name, 0) >= limit:
            return False
        return self._sub_account_tokens.get(name, 1.0) >= 1.0

    def trunk_free(self, name: str) -> bool:
        trunk = self._trunks.get(name)
        if trunk is None:  # the phones of a user
            return True
        if trunk.channels is not None and self._channels.get(name, 0) >= trunk.channels:
            return False
        return self._trunk_tokens.get(name, 1.0) >= 1.0

    def take(self, sub_account: SubAccount, trunk: str) -> None:
        name = sub_account.sub_account_id
        self._running[name] = self._running.get(name, 0) + 1
        self._channels[trunk] = self._channels.get(trunk, 0) + 1
        if name in self._sub_account_tokens:
            self._sub_account_tokens[name] -= 1.0
        if trunk in self._trunk_tokens:
            self._trunk_tokens[trunk] -= 1.0


class ClaimPlanner:
    """The planner of one node (:class:`offhook.session.ports.record.Planner`)."""

    def __init__(
        self,
        *,
        node_name: str,
        routes: Sequence[config.RouteSection],
        trunks: Sequence[config.TrunkSection],
        users: Sequence[config.SipUserSection] = (),
        limits: config.Limits,
        sub_account: Callable[[str], SubAccount | None],
        country_of: Callable[[str], str | None],
        reports: Reports,
        spending: Spending,
        is_down: Callable[[str], bool] = lambda _trunk: False,
    ) -> None:
        """``is_down`` tells whether calls should go over another trunk where there is one."""
        self._is_down = is_down
        self._node_name = node_name
        self.use(routes, trunks, users, limits)
        self._sub_account = sub_account
        self._country_of = country_of
        self._reports = reports
        self._spending = spending
        self.left_waiting = False
        """Whether the last plan left sessions waiting for a limit."""

    def use(
        self,
        routes: Sequence[config.RouteSection],
        trunks: Sequence[config.TrunkSection],
        users: Sequence[config.SipUserSection],
        limits: config.Limits,
    ) -> None:
        """Use these settings from now on."""
        self._routes = tuple(routes)
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._users = tuple(users)
        self._limits = limits

    def rates(self, sub_accounts: Sequence[SubAccount]) -> Rates:
        """The limits in calls per second, for the store's token buckets."""
        return Rates(
            sub_accounts={a.sub_account_id: a.cps for a in sub_accounts if a.cps},
            trunks={trunk.name: trunk.cps for trunk in self._trunks.values() if trunk.cps},
            opt_out_lists=frozenset(a.sub_account_id for a in sub_accounts if a.opt_out),
        )

    def __call__(
        self, waiting: Sequence[Queued], usage: Usage, now: datetime
    ) -> Sequence[ClaimDecision]:
        """Decide about each waiting session (:data:`offhook.session.ports.record.Planner`)."""
        budget = _Budget(usage, self._trunks)
        self.left_waiting = False
        return [self._decide_safely(queued, budget, now) for queued in waiting]

    def _decide_safely(self, queued: Queued, budget: _Budget, now: datetime) -> ClaimDecision:
        """The decision. An internal error ends this session and lets the others start."""
        try:
            return self._decide(queued, budget, now)
        except Exception as error:
            faults.report(f"claiming session {queued.session.session_id}")
            return self._refuse(queued.session, RuntimeCode.INTERNAL, repr(error), now)

    def _decide(self, queued: Queued, budget: _Budget, now: datetime) -> ClaimDecision:
        session = queued.session
        sub_account = self._sub_account(session.sub_account_id)
        if sub_account is None:
            return self._pass_over(queued, RuntimeCode.INTERNAL, "its sub-account", now)
        error = session.callflow.error
        if error is not None:
            return self._refuse(session, error.code, error.detail, now)
        call = session.callflow.actions[0]
        if not isinstance(call, MakeCall):
            detail = "its callflow does not begin with a makeCall"
            return self._refuse(session, RuntimeCode.INVALID_CALLFLOW, detail, now)
        if (excluded := self._excluded(queued, call, sub_account, now)) is not None:
            return excluded
        trunks = trunks_for(
            call.destination, sub_account, self._routes, self._country_of, self._users
        )
        if not trunks:
            detail = why_not_routed(call.destination, sub_account, self._country_of)
            return self._pass_over(queued, RuntimeCode.NO_COVERAGE, "a route to it", now, detail)
        if (spent := self._spending.spent_out(sub_account, now)) is not None:
            return self._refuse(session, RuntimeCode.CAPACITY_EXCEEDED, spent, now, reason=spent)
        hours = sub_account.calling_hours
        if hours is not None and not hours.open_at(zones_of(time_zones_of(call.destination)), now):
            return self._outside_hours(session, call.destination, hours, now)
        if not budget.sub_account_free(sub_account):
            return self._wait_for_limits(session, sub_account, call.destination, now)
        ordered = live_first(trunks, self._is_down)
        free = tuple(name for name in ordered if budget.trunk_free(name))
        # A trunk that is down does not stand in for one that is only full.
        if not free or (self._is_down(free[0]) and not self._is_down(ordered[0])):
            return self._wait_for_trunk(queued, trunks, now)
        budget.take(sub_account, free[0])
        return self._start(session, call, sub_account, free, now)

    def _excluded(
        self, queued: Queued, call: MakeCall, sub_account: SubAccount, now: datetime
    ) -> ClaimDecision | None:
        """The decision on a call that must not be made at any time; None: it may be made."""
        session = queued.session
        if queued.opted_out and sub_account.opt_out is not None:
            return self._leave_out(session, now)
        if session.valid_until is not None and now >= session.valid_until:
            return self._refuse(session, RuntimeCode.VALIDITY_EXPIRED, "waited too long", now)
        if user_for(call.destination, sub_account, self._users) is not None:
            return None
        if not covered(call.destination, sub_account.coverage, self._country_of):
            detail = why_not_routed(call.destination, sub_account, self._country_of)
            return self._refuse(session, RuntimeCode.NO_COVERAGE, detail, now)
        return None

    def _start(
        self,
        session: Session,
        call: MakeCall,
        sub_account: SubAccount,
        trunks: tuple[str, ...],
        now: datetime,
    ) -> ClaimDecision:
        leg = states.dial_leg(call, sub_account, now, trunk=trunks[0])
        return ClaimDecision(
            session=states.begin(session, leg, now),
            events=(SessionStarted(at=now, node=self._node_name),),
            trunks=trunks,
        )

    def _outside_hours(
        self, session: Session, destination: str, hours: CallingHours, now: datetime
    ) -> ClaimDecision:
        """The callee must not be called now: wait for the next window, or end the session."""
        names = time_zones_of(destination)
        opening = hours.next_opening(zones_of(names), now)
        if opening is not None and hours.outside is OutsideHours.QUEUE:
            return ClaimDecision(session=session, not_before=min(opening, now + LONGEST_HOLD))
        known = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        reason = f"outside the calling hours of the destination ({known or 'time zone unknown'})"
        code = RuntimeCode.CAPACITY_EXCEEDED
        return self._refuse(session, code, reason, now, reason=reason)

    def _wait_for_limits(
        self, session: Session, sub_account: SubAccount, destination: str, now: datetime
    ) -> ClaimDecision:
        """The sub-account's own ``cps`` or ``max_calls`` are used up; waits at most an hour.

        The time outside of the calling hours does not count.
        """
        most = self._limits.max_queue_time
        waited = (now - session.created_at).total_seconds()
        hours = sub_account.calling_hours
        if waited >= most and hours is not None:
            zones = zones_of(time_zones_of(destination))
            waited = hours.open_seconds(zones, session.created_at, now, most=most)
        if waited >= most:
            detail = "waited max_queue_time for the sub-account's own limits"
            return self._refuse(session, RuntimeCode.CAPACITY_EXCEEDED, detail, now)
        self.left_waiting = True
        return ClaimDecision(session=session)

    def _wait_for_trunk(
        self, queued: Queued, trunks: tuple[str, ...], now: datetime
    ) -> ClaimDecision:
        ready_since = queued.ready_since or now
        if (now - ready_since).total_seconds() >= self._limits.queue_timeout:
            detail = f"no free channel on {', '.join(trunks)} for queue_timeout"
            return self._refuse(queued.session, RuntimeCode.CAPACITY_EXCEEDED, detail, now)
        self.left_waiting = True
        return ClaimDecision(session=queued.session, ready_since=ready_since, trunks=trunks)

    def _pass_over(
        self,
        queued: Queued,
        code: RuntimeCode,
        unknown: str,
        now: datetime,
        why: str | None = None,
    ) -> ClaimDecision:
        """Leave a session that this node does not know to other nodes; end it, because of ``why``, once no
        live node knows it."""
        since = queued.passed_over_since
        if since is not None and (now - since).total_seconds() >= self._limits.queue_timeout:
            detail = f"no live node has known {unknown} for queue_timeout"
            detail = detail if why is None else f"{why}; {detail}"
            return self._refuse(queued.session, code, detail, now)
        return ClaimDecision(session=queued.session, passed_over=unknown)

    def _leave_out(self, session: Session, now: datetime) -> ClaimDecision:
        """The called person wants no more voice messages: the session ends without dialling."""
        ended = states.leave_out(session, now)
        return ClaimDecision(
            session=ended,
            events=(states.ended(ended),),
            outbox=tuple(self._reports.session_ended(ended)),
        )

    def _refuse(
        self,
        session: Session,
        code: RuntimeCode,
        detail: str,
        now: datetime,
        *,
        reason: str | None = None,
    ) -> ClaimDecision:
        """The session ends ``ERROR`` without dialling; its leg A shows that it was never dialled.

        ``detail`` is for the operator, ``reason`` for the customer.
        """
        events: tuple[AnyEvent, ...] = ()
        call = session.callflow.actions[0]
        action = LAST_ACTION_NAMES[type(call)]
        if isinstance(call, MakeCall):
            sub_account = self._sub_account(session.sub_account_id)
            leg = states.never_dialled(states.dial_leg(call, sub_account, now), now)
            session = states.with_leg(session, leg)
            events += (states.disconnected(leg, by=Side.SERVER),)
        error = SessionError(code=code, action=action, detail=detail, reason=reason)
        ended = states.fail(states.begin_action(session, action), error, now)
        outbox = [
            *self._reports.happened(ended, events, session.callflow.client_action_id),
            *self._reports.session_ended(ended),
        ]
        return ClaimDecision(
            session=ended, events=(*events, states.ended(ended)), outbox=tuple(outbox)
        )
