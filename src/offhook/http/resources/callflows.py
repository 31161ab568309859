"""The callflow endpoints: submit, validate, and replace what runs on a live call."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from offhook.clock import new_id
from offhook.codes import SessionStatus, StatusCode
from offhook.events import SessionQueued
from offhook.flow import answer_bodies, call_members
from offhook.flow.call_members import NOTHING_READ, CallMembers
from offhook.flow.context import JudgingContext
from offhook.flow.judge import JUDGED_AT_ONCE, body_too_large, judge
from offhook.flow.problems import Mode, Verdict, problem
from offhook.http import callflow_answers, refusals
from offhook.http.asgi import Headers, HttpAnswer, Receive
from offhook.http.commander import Commander
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.body import BodyTooLarge, ClientGone, Undecodable, read_body
from offhook.http.edge.paths import CODE_PAGES, CallflowEndpoint
from offhook.http.http_metrics import HttpMetrics
from offhook.http.refusals import Refused
from offhook.session import states
from offhook.session.control import ReplaceCallflow
from offhook.session.ports.record import (
    FateUnknown,
    IdempotencyConflict,
    RequestRecord,
    StoreUnavailable,
)
from offhook.session.ports.tracing import Span, SpanKind
from offhook.session.scenario_filling import filled, names_scenario
from offhook.session.scopes import Scope
from offhook.session.session import Session
from offhook.session.spending import until_tomorrow
from offhook.session.tenancy import SubAccount, facts_of

log = logging.getLogger(__name__)

IDEMPOTENCY_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
INVALID_JSON = Verdict(problems=(problem(StatusCode.INVALID_JSON, "$"),))
REPLAYED = (b"idempotent-replayed", b"true")


@dataclass(slots=True)
class CallflowRequest:
    """An admitted request, at first with its body unread."""

    request_id: str
    """``callFlowRequestId``."""
    caller: Caller
    headers: Headers
    receive: Receive
    is_call: bool = False
    """Whether it came to a ``/calls`` path, whose answers have more members."""
    body: bytes = b""
    """As received, inflated; empty until it was read, and where it was too large."""
    call_members: CallMembers = NOTHING_READ
    """Of the body, once it was read from a ``/calls`` path."""

    def shown(self, answer: HttpAnswer, session_id: str | None = None) -> HttpAnswer:
        """The answer in the form of the path that the request came to."""
        if not self.is_call:
            return answer
        return callflow_answers.of_call(answer, self.call_members, session_id)


Endpoint = Callable[[CallflowRequest], Awaitable[HttpAnswer]]


class _Judged(NamedTuple):
    """The verdict on a body, and its time."""

    at: datetime
    verdict: Verdict


class CallflowEndpoints:
    """Serves them; each answer is complete, errors of every kind included."""

    def __init__(self, deps: Deps, metrics: HttpMetrics, commander: Commander) -> None:
        self._deps = deps
        self._metrics = metrics
        self._commander = commander
        self._facts: dict[str, tuple[SubAccount, JudgingContext]] = {}

    async def answer(
        self, request: CallflowRequest, endpoint: CallflowEndpoint, session_id: str
    ) -> HttpAnswer:
        """Serve one request; ``session_id`` is what the path of ``REPLACE`` names."""
        request.is_call = endpoint is CallflowEndpoint.SUBMIT_CALL
        if endpoint is CallflowEndpoint.VALIDATE:
            return await self._guarded(request, Scope.CALLFLOWS_WRITE, self._only_judge)
        if endpoint is CallflowEndpoint.REPLACE:

            async def replace(request: CallflowRequest) -> HttpAnswer:
                return await self._replace_live(request, session_id)

            return await self._guarded(request, Scope.SESSIONS_WRITE, replace)
        return await self._guarded(request, Scope.CALLFLOWS_WRITE, self._create)

    async def _guarded(
        self,
        request: CallflowRequest,
        scope: Scope,
        serve: Endpoint,
    ) -> HttpAnswer:
        """Run ``serve``; turn an exception into the contract's answer."""
        try:
            if not request.caller.may(scope):
                raise Refused(
                    refusals.FORBIDDEN, f"{refusals.FORBIDDEN.message}: the key lacks {scope}"
                )
            return await serve(request)
        except ClientGone:
            raise
        except Refused as refused:
            return _refused(request, refused)
        except FateUnknown as unknown:
            # Not 503, which promises that nothing is dialled. The request's id tells later what became of it.
            log.error("callFlowRequestId %s: %s", request.request_id, unknown)
            self._metrics.judged(refusals.INTERNAL.code)
            return _refused(request, Refused(refusals.INTERNAL))
        except StoreUnavailable:
            return _refused(request, refusals.unavailable())
        except IdempotencyConflict:
            message = "Idempotency-Key was used before with another body"
            return _refused(request, Refused(refusals.INVALID, message))
        except Exception:
            log.exception("callFlowRequestId %s: internal error", request.request_id)
            return await self._failed(request)

    async def _failed(self, request: CallflowRequest) -> HttpAnswer:
        """Answer -9999, and record the request if the store can be reached."""
        self._metrics.judged(refusals.INTERNAL.code)
        answer = _refused(request, Refused(refusals.INTERNAL))
        try:
            await self._deps.store.record_request(_record(request, self._deps.clock.now(), answer))
        except Exception:
            log.exception("callFlowRequestId %s was not recorded", request.request_id)
        return answer

    async def _create(self, request: CallflowRequest) -> HttpAnswer:
        phase = self._deps.phase
        if phase.draining.is_set() or not phase.ready:
            raise refusals.unavailable()
        self._check_budget(request.caller.sub_account)
        key = _idempotency_key(request.headers)
        judged = await self._judge(request, Mode.SUBMITTED)
        verdict = judged.verdict
        if verdict.callflow is None:
            rejection = request.shown(_rejection(request.request_id, verdict))
            record = _record(request, judged.at, rejection, key=key)
            return _stored_answer(await self._deps.store.record_request(record), record)
        session = states.accept(
            verdict.callflow,
            request.caller.sub_account.sub_account_id,
            call_flow_request_id=request.request_id,
            at=judged.at,
        )
        answer = HttpAnswer(
            verdict.http_status,
            answer_bodies.accepted(verdict, request.request_id, session.session_id),
        )
        request.call_members = request.call_members.of_accepted(verdict.callflow)
        answer = request.shown(answer, session.session_id)
        record = _record(request, judged.at, answer, key=key, session_id=session.session_id)
        queued = SessionQueued(at=judged.at)
        began = time.perf_counter()
        try:
            stored = await self._deps.store.accept(session, (queued,), record)
        finally:
            self._metrics.accepted(time.perf_counter() - began)
        if stored.call_flow_request_id == request.request_id:
            self._announce()
            self._trace(session)
        return _stored_answer(stored, record)

    def _check_budget(self, sub_account: SubAccount) -> None:
        """429 until the day ends where the sub-account has spent its budget. Raises :class:`Refused`."""
        now = self._deps.clock.now()
        spent = self._deps.spending.spent_out(sub_account, now)
        if spent is not None:
            wait = refusals.retry_after(until_tomorrow(now))
            raise Refused(refusals.TOO_MANY, headers=(wait,), reason=spent)

    def _trace(self, session: Session) -> None:
        """Hand over the span of the request, from the judged body to the durable session."""
        if self._deps.tracer.follows(session.session_id):
            self._deps.tracer.emit(
                Span(
                    session_id=session.session_id,
                    key="accepted",
                    name="POST callflows",
                    kind=SpanKind.SERVER,
                    began=session.created_at,
                    ended=self._deps.clock.now(),
                    facts={"http.request.method": "POST", "http.response.status_code": 200},
                )
            )

    def _announce(self) -> None:
        """Wake the voice nodes. A failure here does not matter: the stored callflow is accepted."""
        try:
            self._deps.fabric.publish("queue")
        except Exception:
            log.exception("the voice nodes were not woken")

    async def _only_judge(self, request: CallflowRequest) -> HttpAnswer:
        verdict = (await self._judge(request, Mode.SUBMITTED)).verdict
        if verdict.callflow is None:
            return _rejection(request.request_id, verdict)
        return HttpAnswer(verdict.http_status, answer_bodies.validated(verdict, request.request_id))

    async def _replace_live(self, request: CallflowRequest, session_id: str) -> HttpAnswer:
        request_id = request.request_id
        if self._deps.phase.draining.is_set():
            raise refusals.unavailable()
        sub_account_id = request.caller.sub_account.sub_account_id
        session = await self._deps.store.session(sub_account_id, session_id)
        if session is None:
            raise Refused(refusals.NOT_FOUND, "Session not found")
        judged = await self._judge(request, Mode.DECISION)
        callflow = judged.verdict.callflow
        if callflow is None:
            answer = _rejection(request_id, judged.verdict)
        elif session.status is not SessionStatus.RUNNING:
            raise Refused(refusals.CONFLICT, f"Session is {session.status}, not RUNNING")
        else:
            command = ReplaceCallflow(
                command_id=new_id(), call_flow_request_id=request_id, callflow=callflow
            )
            heard = await self._commander.send(session_id, command)
            if heard is None:
                raise refusals.unavailable()
            if heard.refused is not None:
                raise Refused(refusals.CONFLICT, heard.refused)
            answer = callflow_answers.replaced(request_id, session_id)
        await self._deps.store.record_request(
            _record(request, judged.at, answer, session_id=session_id)
        )
        return answer

    async def _judge(self, request: CallflowRequest, mode: Mode) -> _Judged:
        """Read the body and judge it."""
        content_length = coding = None
        for name, value in request.headers:
            if name == b"content-length":
                content_length = value
            elif name == b"content-encoding":
                coding = value
        try:
            request.body = await read_body(
                request.receive,
                limit=self._deps.limits.body_bytes,
                content_length=content_length,
                coding=coding,
            )
        except BodyTooLarge:
            verdict = body_too_large()
        except Undecodable:
            verdict = INVALID_JSON
        else:
            facts = self._facts_of(request.caller.sub_account)
            now = self._deps.clock.now()
            if len(request.body) <= JUDGED_AT_ONCE:
                verdict = _read_and_judge(request, facts, now, mode)
            else:
                verdict = await asyncio.to_thread(_read_and_judge, request, facts, now, mode)
            verdict = await self._filled(verdict, request.caller.sub_account, now, mode)
        self._metrics.judged(verdict.status)
        return _Judged(self._deps.clock.now(), verdict)

    async def _filled(
        self, verdict: Verdict, sub_account: SubAccount, now: datetime, mode: Mode
    ) -> Verdict:
        """The verdict with its scenario filled in. Runs in a thread, because patterns may take long."""
        callflow = verdict.callflow
        if callflow is None or not names_scenario(callflow):
            return verdict
        meant = await asyncio.to_thread(
            filled, callflow, sub_account, self._deps.profiles, now, mode=mode
        )
        return msgspec.structs.replace(verdict, callflow=meant)

    def _facts_of(self, sub_account: SubAccount) -> JudgingContext:
        """The facts about a sub-account for the judge, cached until the sub-account changes."""
        known = self._facts.get(sub_account.sub_account_id)
        if known is not None and known[0] is sub_account:
            return known[1]
        facts = facts_of(sub_account, self._deps.profiles)
        self._facts[sub_account.sub_account_id] = (sub_account, facts)
        return facts


def _read_and_judge(
    request: CallflowRequest, facts: JudgingContext, now: datetime, mode: Mode
) -> Verdict:
    if request.is_call:
        request.call_members = call_members.read(request.body)
    return judge(request.body, facts, now, mode=mode)


def _refused(request: CallflowRequest, refused: Refused) -> HttpAnswer:
    return request.shown(callflow_answers.refused(request.request_id, refused))


def _rejection(request_id: str, verdict: Verdict) -> HttpAnswer:
    return HttpAnswer(
        verdict.http_status, answer_bodies.rejected(verdict.problems, request_id, CODE_PAGES)
    )


def _idempotency_key(headers: Headers) -> str | None:
    for name, value in headers:
        if name == b"idempotency-key":
            if not IDEMPOTENCY_KEY.fullmatch(value):
                raise Refused(
                    refusals.INVALID, "Idempotency-Key must be 1 to 255 visible ASCII characters"
                )
            return value.decode("ascii")
    return None


def _record(
    request: CallflowRequest,
    at: datetime,
    answer: HttpAnswer,
    *,
    key: str | None = None,
    session_id: str | None = None,
) -> RequestRecord:
    return RequestRecord(
        call_flow_request_id=request.request_id,
        sub_account_id=request.caller.sub_account.sub_account_id,
        at=at,
        body=request.body,
        http_status=answer.status,
        answer=answer.body,
        session_id=session_id,
        idempotency_key=key,
    )


def _stored_answer(stored: RequestRecord, ours: RequestRecord) -> HttpAnswer:
    """The stored answer: this one, or the first one with the same Idempotency-Key."""
    replayed = stored.call_flow_request_id != ours.call_flow_request_id
    return HttpAnswer(stored.http_status, stored.answer, (REPLAYED,) if replayed else ())
