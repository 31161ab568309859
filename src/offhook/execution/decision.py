"""The decision point: asks the customer's VCA webhook what to do next, and judges the answer.

A person in the playground may answer in place of the webhook (:mod:`offhook.session.ports.hand_answers`)."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from offhook.clock import new_id
from offhook.codes import RuntimeCode, StatusCode
from offhook.events import DecisionAsked, DecisionMade
from offhook.execution.conversation import Conversation
from offhook.execution.failures import NoDecision, SessionFailure
from offhook.execution.menu_steps import MenuSteps
from offhook.execution.steps.outcome import Outcome
from offhook.flow import positions
from offhook.flow.actions import Callflow
from offhook.flow.context import JudgingContext, Profiles
from offhook.flow.judge import JUDGED_AT_ONCE, judge
from offhook.flow.problems import Mode, Verdict
from offhook.session.ports.hand_answers import Hands
from offhook.session.ports.webhooks import Asker, Question, Reply
from offhook.session.scenario_filling import filled
from offhook.session.tenancy import SubAccount, WebhookType, facts_of

log = logging.getLogger(__name__)

KEPT_BODY = 16_384
"""Bytes of a question and of an answer that the session's record keeps."""


class Decisions:
    """The decision point of one voice process."""

    def __init__(self, ask: Asker, profiles: Profiles, hands: Hands | None = None) -> None:
        self._ask = ask
        self._hands = hands
        self._profiles = profiles
        self.menus = MenuSteps(profiles)

    def has_webhook(self, conversation: Conversation) -> bool:
        """Whether the sub-account has an enabled VCA webhook."""
        sub_account = conversation.sub_account
        webhook = sub_account.webhooks.get(WebhookType.VCA) if sub_account else None
        return webhook is not None and webhook.enabled

    def _by_hand(self, conversation: Conversation) -> Hands | None:
        """Who answers in place of the webhook; None: nobody does."""
        taken = self._hands is not None and self._hands.take(conversation.session.session_id)
        return self._hands if taken else None

    async def next(
        self, conversation: Conversation, ran: Callflow, outcome: Outcome | None
    ) -> Callflow | None:
        """The callflow to run after ``ran``; None: nothing more.

        ``outcome`` is that of its last action; None: nothing ran yet, a call from outside rings.

        A stored menu is asked before the webhook. Raises :class:`SessionFailure` with -2002, -2003 or
        -2008.
        """
        stored = self.menus.next(conversation, outcome)
        if stored is not None:
            return stored if stored.actions else None
        sub_account = conversation.sub_account
        hands = self._by_hand(conversation)
        if sub_account is None or (hands is None and not self.has_webhook(conversation)):
            return None
        clock = conversation.services.clock
        question = Question(
            event_id=new_id(),
            session=conversation.session,
            leg=conversation.session.legs[0],
            received=outcome is None,
            digits=None if outcome is None else outcome.digits,
            client_action_id=ran.client_action_id,
        )
        conversation.record(DecisionAsked(at=clock.now(), event_id=question.event_id))
        ask = hands.ask if hands is not None else self._ask
        reply = await conversation.during(ask(sub_account, question))
        problem, callflow, code = await self._judged(reply, sub_account, conversation)
        conversation.record(_made(clock.now(), question, reply, problem))
        if code is not None:
            raise _failure(code, f"the VCA webhook: {problem}")
        return callflow if callflow is not None and callflow.actions else None

    def last_resort(self, conversation: Conversation) -> Callflow | None:
        """The sub-account's callflow for when its server did not answer, if it has a valid one."""
        sub_account = conversation.sub_account
        if sub_account is None or sub_account.last_resort is None:
            return None
        facts = facts_of(sub_account, self._profiles)
        now = conversation.services.clock.now()
        verdict = judge(sub_account.last_resort.encode(), facts, now, mode=Mode.DECISION)
        if verdict.callflow is None:
            log.warning("the callflow of last resort is invalid: %s", verdict.summary)
        return verdict.callflow

    async def _judged(
        self, reply: Reply, sub_account: SubAccount, conversation: Conversation
    ) -> tuple[str | None, Callflow | None, RuntimeCode | None]:
        """The problem of the answer, its callflow, and the error that it ends the session with."""
        if reply.body is None:
            return reply.detail, None, RuntimeCode.CONNECTIVITY
        if reply.unreadable:
            return reply.detail, None, RuntimeCode.INVALID_CALLFLOW
        if reply.too_long:
            return "the answer is longer than 256 KiB", None, RuntimeCode.INVALID_CALLFLOW
        facts = facts_of(sub_account, self._profiles)
        now = conversation.services.clock.now()
        verdict = await _judged_in_time(reply.body, facts, now)
        if verdict.status is StatusCode.INVALID_JSON:
            complaint = await asyncio.to_thread(positions.complaint, reply.body)
            return f"{verdict.summary}: {complaint}", None, verdict.runtime_code
        if verdict.callflow is None:
            return verdict.summary, None, verdict.runtime_code
        callflow = filled(verdict.callflow, sub_account, self._profiles, now, mode=Mode.DECISION)
        if callflow.error is not None:
            return callflow.error.detail, None, callflow.error.code
        return None, callflow, None


async def _judged_in_time(body: bytes, facts: JudgingContext, now: datetime) -> Verdict:
    """The verdict on an answer; on a large one from a thread, so that other calls go on."""
    if len(body) <= JUDGED_AT_ONCE:
        return judge(body, facts, now, mode=Mode.DECISION)
    return await asyncio.to_thread(judge, body, facts, now, mode=Mode.DECISION)


def _made(at: datetime, question: Question, reply: Reply, problem: str | None) -> DecisionMade:
    return DecisionMade(
        at=at,
        event_id=question.event_id,
        question=reply.question[:KEPT_BODY].decode("utf-8", "replace") or None,
        http_status=reply.http_status,
        body=(reply.body or b"")[:KEPT_BODY].decode("utf-8", "replace") or None,
        problem=problem,
    )


def _failure(code: RuntimeCode, detail: str) -> Exception:
    return NoDecision(detail) if code is RuntimeCode.CONNECTIVITY else SessionFailure(code, detail)
