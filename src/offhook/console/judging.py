"""What is wrong with a callflow that a person types, as a script of the page shows it."""

from __future__ import annotations

import asyncio

import msgspec

from offhook.console.console_parts import ConsoleParts
from offhook.console.web import NotFound, WebRequest, visitor_of
from offhook.flow.judge import judge
from offhook.flow.problems import Mode
from offhook.session.tenancy import facts_of


class TypedProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One of them."""

    path: str
    message: str
    code: int
    help: str
    """The page about the code, below ``/docs/codes/``."""


class TypedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """All of them; ``fine``: the server would run it."""

    fine: bool
    problems: list[TypedProblem]


async def judged_as(
    request: WebRequest, parts: ConsoleParts, account: str, body: bytes, mode: Mode
) -> TypedVerdict:
    """The verdict for a sub-account of the visitor. Raises NotFound."""
    owner = parts.directory.sub_account(account)
    if owner is None or not visitor_of(request).opens(account):
        raise NotFound("There is no such sub-account")
    facts = facts_of(owner, parts.profiles)
    verdict = await asyncio.to_thread(judge, body, facts, parts.clock.now(), mode=mode)
    problems = [
        TypedProblem(
            path=one.path or "", message=one.told, code=int(one.code), help=one.code.page[:-3]
        )
        for one in verdict.problems
    ]
    return TypedVerdict(fine=verdict.callflow is not None, problems=problems)
