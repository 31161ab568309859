"""The judgement: what a customer sent becomes a callflow, or every problem with its path.

Pure: the facts and the time are passed in. The order is that of ``spec/status-codes.md``, "Order of
judgement": JSON (:mod:`.jsontext`), shape (:mod:`.shape`), the list as a whole
(:mod:`.arrangement`), each action (:mod:`.content`), then the validity period. Every later part is
judged even when an earlier one has found something, as far as the shape allows; each module's docstring
has its interpretations of ambiguous sentences.

A decision (the VCA webhook's answer) is judged by the same rules, except that it need not start with
makeCall, is never a v1.1 request, and may be empty: an empty body, an object without ``callflow`` or
with an empty one is a callflow without actions, even if it has other members.

``errors`` is complete up to :data:`MOST_PROBLEMS`, which no honest request reaches.
"""

from __future__ import annotations

from datetime import datetime

from offhook.codes import StatusCode
from offhook.flow import arrangement, assembly, content, jsontext, shape
from offhook.flow.actions import Callflow
from offhook.flow.context import JudgingContext
from offhook.flow.problems import Mode, Problem, Verdict, problem

LARGEST_BODY = 256 * 1024
"""Bytes of a request body, after inflation; :func:`body_too_large` is the verdict on larger ones."""

JUDGED_AT_ONCE = 32 * 1024
"""Bytes of a body that may be judged on an event loop (5 ms at the very worst). A larger one may take
tens of milliseconds if its sender is hostile: judge it in a thread, so that other requests are not
delayed."""

MOST_PROBLEMS = 1_000
"""Problems a verdict lists; the first ones, in the order of judgement."""


def judge(
    body: bytes, facts: JudgingContext, now: datetime, *, mode: Mode = Mode.SUBMITTED
) -> Verdict:
    """Judge a request body (``now`` aware). Never raises for anything in ``body``."""
    if mode is Mode.DECISION and not body.removeprefix(jsontext.BYTE_ORDER_MARK).strip():
        return Verdict(callflow=Callflow(actions=()))
    if len(body) > LARGEST_BODY:
        return body_too_large()
    try:
        value = jsontext.decode(body)
    except jsontext.InvalidJson:
        value = None
    return judge_value(value, facts, now, mode=mode)


def judge_value(
    value: object, facts: JudgingContext, now: datetime, *, mode: Mode = Mode.SUBMITTED
) -> Verdict:
    """Judge a body that is decoded already; a body that is not an object is -1001."""
    if not isinstance(value, dict):
        return Verdict(problems=(problem(StatusCode.INVALID_JSON, "$"),))
    if mode is Mode.DECISION and value.get("callflow") in (None, []):
        return Verdict(callflow=Callflow(actions=()))
    problems: list[Problem] = []
    request = shape.read(value, mode, problems)
    for arrangement_rule in arrangement.RULES:
        problems += arrangement_rule(request, facts, mode)
    for draft in request.drafts:
        if draft.row is not None and draft.params is not None:
            for content_rule in content.RULES[draft.row.name]:
                problems += content_rule(draft, request, facts)
    if request.valid_until is not None and request.valid_until < now:
        problems.append(problem(StatusCode.VALIDITY_EXPIRED, "$.validUntil"))
    if problems:
        return Verdict(problems=tuple(problems[:MOST_PROBLEMS]))
    return Verdict(callflow=assembly.callflow(request, facts), valid_until=request.valid_until_text)


def body_too_large() -> Verdict:
    """The verdict on a body over :data:`LARGEST_BODY`: -1001 with HTTP 413."""
    return Verdict(problems=(problem(StatusCode.INVALID_JSON, "$"),), too_large=True)
