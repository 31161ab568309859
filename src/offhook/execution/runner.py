"""Runs one session from its first action to its durable end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from offhook.codes import CallStatus, RuntimeCode, SessionStatus
from offhook.events import ActionEnded, ActionStarted, AnyEvent, SessionEnded
from offhook.execution.conversation import Conversation, Services
from offhook.execution.decision import Decisions
from offhook.execution.failures import CallOver, Interrupted, Replaced, SessionFailure
from offhook.execution.journal import SessionJournal
from offhook.execution.prompts import Prompts
from offhook.execution.steps import STEPS
from offhook.flow.actions import LAST_ACTION_NAMES, AnyAction, Callflow, Hangup
from offhook.session import states
from offhook.session.ports.telephony import ReceivedCall
from offhook.session.ports.webhooks import Reports
from offhook.session.session import Session, SessionError

log = logging.getLogger(__name__)

REFUSALS = {CallStatus.BUSY: 486, CallStatus.NO_ANSWER: 480}
"""What an inbound leg A is refused with when the leg B it asked for failed so; else 503."""


class SessionRunner:
    """One session on its way. :meth:`run` never raises but for cancellation."""

    def __init__(
        self,
        *,
        session: Session,
        trunks: tuple[str, ...],
        services: Services,
        journal: SessionJournal,
        reports: Reports,
        decisions: Decisions,
        received: ReceivedCall | None = None,
    ) -> None:
        """``received`` is leg A where it came from outside and rings."""
        self._decisions = decisions
        self._journal = journal
        self._reports = reports
        self._services = services
        self._prompts = Prompts(services.speech, session.sub_account_id)
        self._conversation = Conversation(
            session=session,
            trunks=trunks,
            services=services,
            journal=journal,
            prompts=self._prompts,
            reports=reports,
            received=received,
        )

    def happened(self, event: AnyEvent) -> None:
        """A fact from before :meth:`run`, for the timeline."""
        self._conversation.record(event)

    def end(self, why: str) -> None:
        """End the session from outside: what rings is CANCELED, what is up is hung up."""
        self._conversation.interrupt(Interrupted(why))

    def replace(self, callflow: Callflow) -> str | None:
        """Run ``callflow`` instead of what runs now; why not, if that cannot be."""
        call_a = self._conversation.call_a
        if call_a is None or call_a.ended is not None or not self._conversation.a_is_up:
            return "the call is not up"
        self._conversation.interrupt(Replaced(callflow))
        return None

    async def run(self) -> Session:
        """Walk the actions; returns the final session, durably stored."""
        conversation = self._conversation
        error: SessionError | None = None
        guard = asyncio.get_running_loop().call_later(
            self._services.max_call_duration, self.end, "max_call_duration has passed"
        )
        try:
            await self._converse()
        except CallOver:
            pass
        except Interrupted as interruption:
            log.info("session %s: %s", conversation.session.session_id, interruption)
            conversation.refuse_a(480, CallStatus.CANCELED)
        except SessionFailure as failure:
            error = self._error(failure.code, failure.detail)
        except Exception as crash:
            log.exception("session %s: our fault", conversation.session.session_id)
            error = self._error(RuntimeCode.INTERNAL, repr(crash))
        finally:
            guard.cancel()
            await self._prompts.close()
        return await self._end(error)

    async def _converse(self) -> None:
        """Run the callflow, and after it whatever the customer's server decides."""
        conversation = self._conversation
        callflow: Callflow | None = conversation.session.callflow
        if conversation.ringing_a is not None:
            callflow = await self._first_decision()
        while callflow is not None:
            conversation.client_action_id = callflow.client_action_id
            if callflow.error is not None:
                raise SessionFailure(callflow.error.code, callflow.error.detail)
            try:
                self._prompts.prepare(callflow.actions)
                if await self._walk(callflow.actions):
                    return
                callflow = await self._decisions.next(conversation, callflow)
            except Replaced as replaced:
                conversation.go_on(replaced)
                callflow = replaced.callflow

    async def _first_decision(self) -> Callflow | None:
        """What to do with a call from outside; None: refuse it."""
        conversation = self._conversation
        none = Callflow(actions=())
        if not self._decisions.anybody_to_ask(conversation):
            raise SessionFailure(RuntimeCode.CONNECTIVITY, "no VCA webhook for an inbound call")
        callflow = await self._decisions.next(conversation, none, received=True)
        if callflow is None:
            conversation.refuse_a(603, CallStatus.COMPLETED)
        return callflow

    async def _walk(self, actions: Sequence[AnyAction]) -> bool:
        """Run one list of actions; True: nothing shall follow it."""
        conversation = self._conversation
        clock = self._services.clock
        for index, action in enumerate(actions):
            name = LAST_ACTION_NAMES[type(action)]
            conversation.change(
                states.begin_action(conversation.session, name),
                ActionStarted(at=clock.now(), index=index, action=name),
            )
            conversation.failed_bridge = conversation.digits = None
            conversation.upcoming = actions[index + 1 :]
            result = "ended early"
            try:
                result = await STEPS[type(action)](action, conversation)
            finally:
                conversation.notice_ends()
                conversation.record(
                    ActionEnded(at=clock.now(), index=index, action=name, result=result)
                )
            if isinstance(action, Hangup):
                return True
        failed = conversation.failed_bridge
        if failed is not None:
            conversation.refuse_a(REFUSALS.get(failed, 503), CallStatus.COMPLETED)
        return failed is not None

    def _error(self, code: RuntimeCode, detail: str) -> SessionError:
        session = self._conversation.session
        log.warning("session %s ends ERROR %d: %s", session.session_id, code, detail)
        self._conversation.refuse_a(480, CallStatus.ERROR)
        return SessionError(code=code, action=session.last_action, detail=detail)

    async def _end(self, error: SessionError | None) -> Session:
        """Close what is open and store the outcome; a bug of ours on the way is one more error."""
        conversation = self._conversation
        try:
            await conversation.close_calls()
            ended = self._ended(error)
        except Exception as crash:
            log.exception("session %s: our fault, at its end", conversation.session.session_id)
            ended = self._ended(self._error(RuntimeCode.INTERNAL, repr(crash)))
        fact = SessionEnded(
            at=ended.ended_at or self._services.clock.now(),
            status=ended.status,
            error_code=ended.error.code if ended.error else None,
            detail=ended.error.detail if ended.error else None,
        )
        await self._journal.finish(ended, [fact], self._reports.session_ended(ended))
        return ended

    def _ended(self, error: SessionError | None) -> Session:
        session, now = self._conversation.session, self._services.clock.now()
        if error is not None:
            return states.fail(session, error, now)
        ended = states.finish(session, now)
        if ended.status is SessionStatus.ERROR:
            return states.with_cause(ended, RuntimeCode.INTERNAL)
        return ended
