"""``offhook lint``: judge callflows offline, and show where and how to correct them.

Facts that only a running server has are assumed to be good: every profile of the table is usable, any
source is allowed, a VCA webhook is there (unless told otherwise), and every scenario exists.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TextIO, final

import msgspec

from offhook.codes import StatusCode
from offhook.flow import positions
from offhook.flow.context import ANY_SOURCE, JudgingContext, ListedProfile, Profile, Profiles
from offhook.flow.jsontext import BYTE_ORDER_MARK
from offhook.flow.judge import LARGEST_BODY, judge
from offhook.flow.kinds import MISSING
from offhook.flow.neighbours import ProfileNeighbours
from offhook.flow.problems import Mode, Problem

CLEAN, PROBLEMS, UNREADABLE = 0, 1, 2
"""Exit codes of :func:`run`."""

STDIN = "-"
"""The name of a file that means standard input."""

HINTS: dict[StatusCode, str] = {
    StatusCode.INVALID_JSON: "Send one JSON object, UTF-8, each key once, at most 256 KiB.",
    StatusCode.SPEECH_PROFILE: "Use a code of GET /speech-profiles; a language beside it must be "
    "the profile's own.",
    StatusCode.MAX_DIGITS_WITH_MIN: "Add maxDigits: at least minDigits, at most 25.",
    StatusCode.DTMF_CALLBACK: "Configure a VCA webhook, or add dtmfCallbackUrl.",
    StatusCode.OVERALL_TIMEOUT_REQUIRED: "Add overallTimeout, at least as long as digitTimeout.",
    StatusCode.OVERALL_TIMEOUT_TOO_SHORT: "Raise overallTimeout to digitTimeout or more.",
    StatusCode.INVALID_ACTION: "Action names are case-sensitive: makeCall, say, sayAndCapture, "
    "playFile, hangup, executeScenario.",
    StatusCode.MAX_DIGITS_WITHOUT_HASH: "Add maxDigits, 1 to 25: without # nothing else ends a try.",
    StatusCode.INVALID_ENTRY: "Give the member the type and range named above.",
    StatusCode.TOO_MANY_ACTIONS: "A callflow has at most 50 actions, two of them makeCall.",
    StatusCode.MULTIPLE_DESTINATIONS: "Name one number; send one request for each destination.",
    StatusCode.HANGUP_MISUSED: "Let hangup be the last action, and the only hangup.",
    StatusCode.FIRST_NOT_MAKE_CALL: "Begin with makeCall (an answer of the VCA webhook need not: "
    "lint it with --decision).",
    StatusCode.SOURCE_NOT_ALLOWED: "Use one of your active numbers or allowed caller IDs.",
    StatusCode.VALIDITY_EXPIRED: "Choose a validUntil in the future; without an offset it is UTC.",
    StatusCode.INVALID_CHARACTERS: "Remove control characters, unpaired surrogates and private-use "
    "characters.",
    StatusCode.INVALID_DESTINATION: "Write the number with its country code: +6590000000.",
    StatusCode.SCENARIO_NOT_ALONE: "Let executeScenario be the only action.",
    StatusCode.SCENARIO_NAME_EMPTY: "Name the scenario in params.scenarioName.",
    StatusCode.SCENARIO_UNKNOWN: "Use the name of one of your account's scenarios.",
}
"""How to correct each problem."""

HINT_WHERE_MISSING = "Add the member; null counts as absent."
"""The hint of a -1009 about what is not there."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One problem in a file."""

    file: str
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    path: str
    code: int
    message: str
    hint: str


@final
class _EveryProfile(Profiles):
    """The whole table of speech profiles, also those that are not installed here."""

    def __init__(self) -> None:
        text = files("offhook.speech").joinpath("speech-profiles.tsv").read_text("utf-8")
        rows = (line.split("\t") for line in text.splitlines()[1:])
        self._profiles = {row[0]: Profile(code=row[0], locale=row[1]) for row in rows}
        self._neighbours = ProfileNeighbours(self._profiles.values())
        self._languages = {p.locale.partition("-")[0] for p in self._profiles.values()}

    def find(self, code: str) -> Profile | None:
        return self._profiles.get(code) or self._profiles.get(f"{code}Neural")

    def speaks(self, language: str) -> bool:
        return language.partition("-")[0] in self._languages

    def near(self, asked: str) -> tuple[str, ...]:
        return self._neighbours.near(asked)

    def listed(self) -> Sequence[ListedProfile]:
        return ()


class _EveryName:
    """A set that contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


def offline_facts(*, vca: bool = True) -> JudgingContext:
    """The facts about a sub-account that are assumed without a server."""
    return JudgingContext(
        profiles=_EveryProfile(),
        sources=frozenset({ANY_SOURCE}),
        withheld_allowed=True,
        has_vca=vca,
        scenarios=_EveryName(),
    )


def lint_text(
    name: str,
    data: bytes,
    facts: JudgingContext,
    *,
    mode: Mode = Mode.SUBMITTED,
    now: datetime | None = None,
) -> list[Finding]:
    """Every problem of one callflow, in the order of judgement."""
    verdict = judge(data, facts, now or datetime.now(UTC), mode=mode)
    if not verdict.problems:
        return []
    data = data.removeprefix(BYTE_ORDER_MARK)  # editors do not count it in columns either
    text = data.decode("utf-8", "replace")
    if verdict.status is StatusCode.INVALID_JSON:
        return [_not_json(name, data, text, verdict.problems[0])]
    where = positions.offsets(text)
    return [
        _finding(name, text, positions.nearest(where, problem.path), problem)
        for problem in verdict.problems
    ]


def _not_json(name: str, data: bytes, text: str, problem: Problem) -> Finding:
    offset, reason = 0, ""
    if len(data) > LARGEST_BODY:
        reason = f"the body has {len(data)} bytes"
    else:
        try:
            data.decode("utf-8")
            offset, reason = positions.offsets(text)["$"], "the value is no object"
        except UnicodeDecodeError as error:
            offset, reason = len(data[: error.start].decode()), "this byte is not UTF-8"
        except positions.Malformed as error:
            offset, reason = error.offset, error.reason
    finding = _finding(name, text, offset, problem)
    return msgspec.structs.replace(
        finding, hint=f"{reason[:1].upper()}{reason[1:]}. {finding.hint}"
    )


def _finding(name: str, text: str, offset: int, problem: Problem) -> Finding:
    line, column = positions.place(text, offset)
    return Finding(
        file=name,
        line=line,
        column=column,
        path=problem.path,
        code=problem.code,
        message=problem.message,
        hint=HINT_WHERE_MISSING if problem.message.endswith(MISSING) else HINTS[problem.code],
    )


def run(
    files: Sequence[str],
    json: bool,
    colour: bool,
    out: TextIO,
    *,
    decision: bool = False,
    vca: bool = True,
) -> int:
    """``offhook lint FILE…``: judge files, write the findings to ``out``, return the exit code.

    ``-`` reads standard input. With ``decision`` they are answers of a VCA webhook; without ``vca``
    the sub-account is taken to have none.
    """
    facts = offline_facts(vca=vca)
    mode = Mode.DECISION if decision else Mode.SUBMITTED
    findings: list[Finding] = []
    unreadable: list[str] = []
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
        except OSError as error:
            unreadable.append(f"{name}: {error.strerror or error}")
        else:
            findings += lint_text("<stdin>" if name == STDIN else name, data, facts, mode=mode)
    if json:
        out.write(render_json(findings, unreadable) + "\n")
    else:
        out.write(render(findings, colour=colour))
        out.writelines(f"{line}\n" for line in unreadable)
        if not findings and not unreadable:
            out.write(f"{_counted(len(files), 'file')}, no problem\n")
    return UNREADABLE if unreadable else PROBLEMS if findings else CLEAN


def render(findings: Sequence[Finding], colour: bool) -> str:
    """The findings for a person: where, what, how to correct it; then how many."""
    bold, red, dim, end = ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m") if colour else ("",) * 4
    lines = [
        f"{bold}{f.file}:{f.line}:{f.column}{end} {red}{f.code}{end} {f.message}\n"
        f"    {f.path}\n    {dim}{f.hint}{end}\n"
        for f in findings
    ]
    if findings:
        in_files = len({finding.file for finding in findings})
        lines.append(f"{_counted(len(findings), 'problem')} in {_counted(in_files, 'file')}\n")
    return "".join(lines)


def render_json(findings: Sequence[Finding], unreadable: Sequence[str] = ()) -> str:
    """The findings for a program."""
    return msgspec.json.encode({"findings": findings, "unreadable": unreadable}).decode()


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
