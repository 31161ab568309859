"""Runs one claimed session from its first action to its durable end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from offhook.clock import Clock
from offhook.codes import RuntimeCode
from offhook.events import ActionEnded, ActionStarted, SessionEnded
from offhook.execution.conversation import Conversation, Services
from offhook.execution.decision import Decisions
from offhook.execution.failures import CallOver, Interrupted, SessionFailure
from offhook.execution.prompts import Prompts
from offhook.execution.recorder import Recorder
from offhook.execution.reports import Reports
from offhook.execution.steps import STEPS
from offhook.flow.actions import LAST_ACTION_NAMES, AnyAction, Callflow, Hangup
from offhook.session import states
from offhook.session.session import Session, SessionError

log = logging.getLogger(__name__)


class SessionRunner:
    """One session on its way. :meth:`run` never raises but for cancellation."""

    def __init__(
        self,
        session: Session,
        trunks: tuple[str, ...],
        services: Services,
        recorder: Recorder,
        reports: Reports,
        decisions: Decisions,
    ) -> None:
        self._decisions = decisions
        self._recorder = recorder
        self._reports = reports
        self._clock: Clock = services.clock
        self._prompts = Prompts(services.speech)
        self._conversation = Conversation(session, trunks, services, recorder, self._prompts)
        self._guard: asyncio.TimerHandle | None = None

    def interrupt(self, why: str) -> None:
        """End the session from outside: hang up what is up."""
        self._conversation.interrupt(why)

    async def run(self) -> Session:
        """Walk the actions; returns the final session, durably stored."""
        conversation = self._conversation
        error: SessionError | None = None
        try:
            await self._converse()
        except CallOver:
            pass
        except Interrupted as interruption:
            log.info("session %s: %s", conversation.session.session_id, interruption)
        except SessionFailure as failure:
            error = self._error(failure.code, failure.detail)
        except Exception as crash:
            log.exception("session %s: our fault", conversation.session.session_id)
            error = self._error(RuntimeCode.INTERNAL, repr(crash))
        finally:
            await self._prompts.close()
        return await self._end(error)

    async def _converse(self) -> None:
        """Run the callflow, and after it whatever the customer's server decides."""
        callflow: Callflow | None = self._conversation.session.callflow
        while callflow is not None:
            self._prompts.prepare(callflow.actions)
            if await self._walk(callflow.actions):
                return
            callflow = await self._decisions.next(self._conversation, callflow)

    async def _walk(self, actions: Sequence[AnyAction]) -> bool:
        """Run one list of actions; True: nothing shall follow it."""
        conversation = self._conversation
        for index, action in enumerate(actions):
            name = LAST_ACTION_NAMES[type(action)]
            conversation.change(
                states.begin_action(conversation.session, name),
                ActionStarted(at=self._clock.now(), index=index, action=name),
            )
            conversation.bridge_failed = False
            result = "ended early"
            try:
                result = await STEPS[type(action)](action, conversation)
            finally:
                conversation.record(
                    ActionEnded(at=self._clock.now(), index=index, action=name, result=result)
                )
            if isinstance(action, Hangup):
                return True
        return conversation.bridge_failed

    def _error(self, code: RuntimeCode, detail: str) -> SessionError:
        session = self._conversation.session
        log.warning("session %s ends ERROR %d: %s", session.session_id, code.code, detail)
        return SessionError(code=code, action=session.last_action, detail=detail)

    async def _end(self, error: SessionError | None) -> Session:
        conversation = self._conversation
        await conversation.close_calls()
        now = self._clock.now()
        if error is None:
            ended = states.finish(conversation.session, now)
        else:
            ended = states.fail(conversation.session, error, now)
        fact = SessionEnded(
            at=now,
            status=ended.status,
            error_code=error.code.code if error else None,
            detail=error.detail if error else None,
        )
        await self._recorder.finish(ended, [fact], self._reports.session_ended(ended))
        return ended
