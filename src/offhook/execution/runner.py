"""Runs one session from its first action to its durable end."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import final

import msgspec

from offhook.clock import Clock
from offhook.codes import CallStatus, RuntimeCode
from offhook.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    Side,
)
from offhook.execution.consent import end_recording, record_if_inbound
from offhook.execution.conversation import Conversation
from offhook.execution.decision import Decisions
from offhook.execution.endings import keeps_trace, log_end
from offhook.execution.failures import (
    CallOver,
    Interrupted,
    NoDecision,
    OptedOut,
    Replaced,
    SessionFailure,
)
from offhook.execution.journal import SessionJournal
from offhook.execution.opt_out_key import OptingOut
from offhook.execution.player import Player
from offhook.execution.session_services import Services
from offhook.execution.steps import STEPS
from offhook.execution.steps.outcome import NOTHING, Outcome
from offhook.faults import FaultLog
from offhook.flow.actions import LAST_ACTION_NAMES, AnyAction, Callflow, Hangup
from offhook.log import about
from offhook.session import states
from offhook.session.ports.opt_out_lists import OptOuts, OptOutService
from offhook.session.ports.record import OutboxEntry
from offhook.session.ports.telephony import ReceivedCall
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Session, SessionError

log = logging.getLogger(__name__)
faults = FaultLog(log)

REFUSALS = {CallStatus.BUSY: 486, CallStatus.NO_ANSWER: 480}
"""The SIP status that refuses an inbound leg A, by the outcome of its leg B; else 503."""


class Runner(ABC):
    """A running session, as the node sees it."""

    @abstractmethod
    def happened(self, event: AnyEvent) -> None:
        """A fact from before :meth:`run`, for the timeline."""

    @abstractmethod
    def end(self, why: str) -> None:
        """End the session from outside: cancel ringing legs, hang up connected ones."""

    @abstractmethod
    def replace(self, callflow: Callflow) -> str | None:
        """Run ``callflow`` instead of the current one; returns the reason if that is impossible."""

    def look_for_capture(self) -> None:
        """An operator has ordered a capture, maybe of this session."""
        return

    @abstractmethod
    async def run(self) -> Session:
        """Run it to its end; returns the final session, durably stored."""


@final
class FailedStart(Runner):
    """Ends a session that could not begin because of an internal error."""

    def __init__(
        self,
        *,
        session: Session,
        detail: str,
        journal: SessionJournal,
        reports: Reports,
        clock: Clock,
        received: ReceivedCall | None,
    ) -> None:
        self._session = session
        self._detail = detail
        self._journal = journal
        self._reports = reports
        self._clock = clock
        self._received = received
        self._facts: list[AnyEvent] = []

    def happened(self, event: AnyEvent) -> None:
        self._facts.append(event)

    def end(self, why: str) -> None:
        """Ignored: the session ends already."""

    def replace(self, callflow: Callflow) -> str | None:
        return "the call is not up"

    async def run(self) -> Session:
        if self._received is not None:
            self._received.refuse(480, CallStatus.ERROR)
        error = SessionError(code=RuntimeCode.INTERNAL, detail=self._detail)
        ended = states.fail(self._session, error, self._clock.now())
        self._facts += [states.disconnected(leg, by=Side.SERVER) for leg in ended.legs]
        outbox = self._reports.session_ended(ended)
        await self._journal.finish(ended, [*self._facts, states.ended(ended)], outbox)
        log_end(log, ended)
        return ended


class _OptOutEnd(Enum):
    """How the called person opted out."""

    TOLD = "the operator's list service took the number, or there is none"
    UNTOLD = "the operator's list service did not take it"


@final
class SessionRunner(Runner):
    """Walks the actions of one session. :meth:`run` never raises but for cancellation."""

    def __init__(
        self,
        *,
        session: Session,
        trunks: tuple[str, ...],
        services: Services,
        journal: SessionJournal,
        reports: Reports,
        decisions: Decisions,
        opt_outs: OptOuts,
        opt_out_service: OptOutService,
        received: ReceivedCall | None = None,
    ) -> None:
        """``received`` is leg A where it came from outside and rings."""
        self._decisions = decisions
        self._journal = journal
        self._reports = reports
        self._services = services
        self._conversation = Conversation(
            session=session,
            trunks=trunks,
            services=services,
            journal=journal,
            reports=reports,
            received=received,
        )
        self._player = Player(self._conversation, services.speech)
        self._opting_out = OptingOut(self._conversation, self._player, opt_outs, opt_out_service)

    def happened(self, event: AnyEvent) -> None:
        self._conversation.record(event)

    def end(self, why: str) -> None:
        self._conversation.stop(why)

    def replace(self, callflow: Callflow) -> str | None:
        call_a = self._conversation.call_a
        if call_a is None or call_a.ended is not None or not self._conversation.a_is_up:
            return "the call is not up"
        self._conversation.replace(callflow)
        return None

    def look_for_capture(self) -> None:
        with about(self._conversation.session.session_id):
            self._conversation.look_for_capture()

    async def run(self) -> Session:
        with about(self._conversation.session.session_id):
            try:
                return await self._end(await self._run())
            finally:
                self._conversation.close()

    async def _run(self) -> SessionError | _OptOutEnd | None:
        """Walk the actions; returns the error that stopped them, or how the called person opted out."""
        conversation = self._conversation
        guard = asyncio.get_running_loop().call_later(
            self._services.max_call_duration, self.end, "max_call_duration has passed"
        )
        try:
            try:
                await self._converse()
            except OptedOut as pressed:
                conversation.go_on(pressed)
                told = await self._opting_out.confirm()
                return _OptOutEnd.TOLD if told else _OptOutEnd.UNTOLD
        except CallOver:
            pass
        except Interrupted as interruption:
            log.info("%s", interruption)
            if conversation.breakdown is None:
                conversation.refuse_a(480, CallStatus.CANCELED)
        except NoDecision as failure:
            action = conversation.session.last_action
            await self._say_sorry()
            return msgspec.structs.replace(self._error(failure.code, failure.detail), action=action)
        except SessionFailure as failure:
            return self._error(failure.code, failure.detail, reason=failure.reason)
        except Exception as crash:
            faults.report("running its callflow")
            return self._error(RuntimeCode.INTERNAL, repr(crash))
        finally:
            guard.cancel()
            await self._player.close()
        return None

    async def _converse(self) -> None:
        """Run the callflow, then the callflows that the customer's server answers."""
        conversation = self._conversation
        callflow: Callflow | None = conversation.session.callflow
        of_the_caller = conversation.ringing_a is not None
        if of_the_caller:
            record_if_inbound(conversation)
        if of_the_caller:
            callflow = await self._first_decision()
        else:
            self._opting_out.begin(conversation.session.callflow)
        while callflow is not None:
            if callflow.error is not None:
                raise SessionFailure(callflow.error.code, callflow.error.detail)
            conversation.runs(callflow)
            masking, of_the_caller = of_the_caller and len(callflow.actions) == 1, False
            try:
                self._player.prepare(self._opting_out.prepared(callflow.actions))
                outcome = await self._walk(callflow.actions)
                if self._is_over(callflow, outcome, masking=masking):
                    return
                callflow = await self._decisions.next(conversation, callflow, outcome)
            except Replaced as replaced:
                conversation.go_on(replaced)
                conversation.menu_position = None
                callflow = replaced.callflow
            self._opting_out.end()

    async def _say_sorry(self) -> None:
        """Run the callflow of last resort, if there is one and the caller still listens."""
        callflow = self._decisions.last_resort(self._conversation)
        if callflow is None:
            return
        self._opting_out.end()
        self._conversation.runs(callflow)
        try:
            self._player.prepare(callflow.actions)
            await self._walk(callflow.actions)
        except (CallOver, Interrupted, Replaced):
            pass
        except SessionFailure as failure:
            log.warning("the callflow of last resort failed: %s", failure.detail)
        except Exception:
            faults.report("running its callflow of last resort")

    async def _first_decision(self) -> Callflow | None:
        """The first callflow of a call from outside; None: refuse the call."""
        conversation = self._conversation
        decisions = self._decisions
        if not decisions.menus.begins(conversation) and not decisions.has_webhook(conversation):
            raise SessionFailure(RuntimeCode.CONNECTIVITY, "no VCA webhook for an inbound call")
        callflow = await self._decisions.next(conversation, Callflow(actions=()), None)
        if callflow is None:
            conversation.refuse_a(603, CallStatus.COMPLETED)
        return callflow

    async def _walk(self, actions: Sequence[AnyAction]) -> Outcome:
        """Run one list of actions; returns the outcome of the last."""
        conversation = self._conversation
        clock = self._services.clock
        outcome = NOTHING
        for index, action in enumerate(actions):
            if isinstance(action, Hangup):
                await self._opting_out.offer()
            name = LAST_ACTION_NAMES[type(action)]
            conversation.change(
                states.begin_action(conversation.session, name),
                ActionStarted(at=clock.now(), index=index, action=name),
            )
            result = "ended early"
            try:
                outcome = await STEPS[type(action)](action, conversation, self._player)
                result = outcome.note
            finally:
                conversation.notice_ends()
                conversation.record(
                    ActionEnded(at=clock.now(), index=index, action=name, result=result)
                )
        if not any(isinstance(action, Hangup) for action in actions):
            await self._opting_out.offer()
        return outcome

    def _is_over(self, callflow: Callflow, outcome: Outcome, *, masking: bool) -> bool:
        """Whether the session ends after ``callflow`` without a question.

        ``masking``: it was the answer to ``CALL_RECEIVED`` and had one action. The servers of number
        masking answer every question with the same makeCall; another question would dial B without end
        (``spec/execution.md``, "Inbound").
        """
        if outcome.bridge is None:
            return bool(callflow.actions) and isinstance(callflow.actions[-1], Hangup)
        if outcome.bridge_failed:
            refusal = REFUSALS.get(outcome.bridge, 503)
            self._conversation.refuse_a(refusal, CallStatus.COMPLETED)
            return True
        return masking and not self._decisions.menus.leads_on(self._conversation, outcome)

    def _error(self, code: RuntimeCode, detail: str, *, reason: str | None = None) -> SessionError:
        session = self._conversation.session
        self._conversation.refuse_a(480, CallStatus.ERROR)
        return SessionError(code=code, action=session.last_action, detail=detail, reason=reason)

    async def _end(self, why: SessionError | _OptOutEnd | None) -> Session:
        """Hang up the legs and store the outcome. After an internal error here the session ends ERROR."""
        conversation = self._conversation
        try:
            if why is None and conversation.breakdown is not None:
                why = self._error(RuntimeCode.INTERNAL, conversation.breakdown)
            await conversation.close_calls()
            end_recording(conversation)
            if why is None and conversation.breakdown is not None:
                why = self._error(RuntimeCode.INTERNAL, conversation.breakdown)
            ended = self._ended(why)
        except Exception as crash:
            faults.report("ending it")
            ended = self._ended(self._error(RuntimeCode.INTERNAL, repr(crash)))
        await self._journal.finish(ended, [states.ended(ended)], self._summary(ended))
        log_end(log, ended)
        conversation.look_for_capture()
        await conversation.capture.finish(ended.session_id)
        if keeps_trace(self._services.keep_traces, ended) or conversation.capture.taken:
            await self._journal.keep_trace(ended.session_id, conversation.sip_trace())
        return ended

    def _ended(self, why: SessionError | _OptOutEnd | None) -> Session:
        session, now = self._conversation.session, self._services.clock.now()
        if isinstance(why, _OptOutEnd):
            ended = states.opt_out(session, now, told=why is _OptOutEnd.TOLD)
        elif why is None:
            ended = states.finish(session, now)
        else:
            ended = states.fail(session, why, now)
        return self._services.charged(ended)

    def _summary(self, ended: Session) -> Sequence[OutboxEntry]:
        """The session summary. The session ends even if making it fails."""
        try:
            return self._reports.session_ended(ended)
        except Exception:
            faults.report("making its summary")
            return ()
