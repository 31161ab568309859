"""``offhook simulate``: prints how a callflow runs, from its first ring to its summary, without a call."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec

from offhook.flow import lint
from offhook.testing.errors import CallflowRejected, SimulationError
from offhook.testing.phone import Phone
from offhook.testing.result import SimulatedSession
from offhook.testing.simulation import Offhook
from offhook.testing.timeline import OFFHOOK, Moment
from offhook.testing.vca_script import VCA

FINE, FAILED, UNREADABLE = 0, 1, 2
"""Exit codes of :func:`run`."""
TALK = 10.0
"""Seconds that the bridged phone stays on the line."""


class _Paint(msgspec.Struct, frozen=True):
    """Escape sequences, or none where the output is no terminal."""

    colour: bool

    def __call__(self, sequence: str, text: str) -> str:
        return f"\x1b[{sequence}m{text}\x1b[0m" if self.colour and text else text


class Ring(NamedTuple):
    """A call from outside."""

    to: str
    caller: str


def run(
    file: str | None,
    *,
    press: str = "",
    vca: str | None = None,
    inbound: Ring | None = None,
    config: str | None = None,
    sub_account: str | None = None,
    as_json: bool = False,
    colour: bool = False,
    out: TextIO | None = None,
) -> int:
    """Simulate the callflow in ``file`` (``-``: standard input) and tell what happened.

    ``inbound``: a call from outside begins the session, and ``file``, if there is one, is what the VCA
    answers first.
    ``press``: the keys the called person presses at each prompt that asks for some, separated by commas.
    ``vca``: the URL that decides; without one (nor one in ``config``) nothing more is decided.
    Returns 0, 1 for a rejected callflow, a session that ended ``ERROR`` or keys that no prompt asked for,
    2 for a file that cannot be read. Raises :class:`offhook.config.file.ConfigError` for a bad
    ``config``, and ValueError for invalid keys or an unknown sub-account.
    """
    out = out or sys.stdout
    # The printed timeline has all that the log would say.
    logging.getLogger("offhook").addHandler(logging.NullHandler())
    try:
        body = _read(file)
    except OSError as error:
        print(f"offhook simulate: {file}: {error.strerror or error}", file=sys.stderr)
        return UNREADABLE
    offhook = Offhook(config, sub_account=sub_account)
    _decide(offhook, vca, body if inbound is not None else None)
    offhook.other_phones(_Household(press))
    try:
        session, notes = _session(offhook, body, inbound)
    except CallflowRejected as rejected:
        return _tell_problems(str(file), body, offhook, rejected, as_json, colour, out)
    document = msgspec.json.format(msgspec.json.encode(_document(session, notes))).decode() + "\n"
    out.write(document if as_json else _story(session, notes, _Paint(colour)))
    return FAILED if notes or session.status == "ERROR" else FINE


def _session(
    offhook: Offhook, body: bytes, inbound: Ring | None
) -> tuple[SimulatedSession, list[str]]:
    """The session that ran, with what the simulation found wrong with it."""
    try:
        if inbound is None:
            return offhook.call(body), []
        return offhook.inbound(to=inbound.to, from_=inbound.caller), []
    except SimulationError as error:
        if not error.sessions:
            raise
        return error.sessions[0], [str(error)]


def _decide(offhook: Offhook, vca: str | None, first_answer: bytes | None) -> None:
    """Set what answers the VCA questions: the URL ``vca``, else ``first_answer``, once."""
    if vca is not None:
        offhook.vca(vca)
    elif first_answer is not None:
        answers = iter((first_answer,))
        offhook.vca(lambda _payload: next(answers, None))
    elif not offhook.asks:
        offhook.vca(lambda _payload: None)


def _read(file: str | None) -> bytes:
    if file is None:
        return b""
    return sys.stdin.buffer.read() if file == lint.STDIN else Path(file).read_bytes()


class _Household:
    """The phones of a simulation: the first one called presses keys, the others talk a while."""

    def __init__(self, press: str) -> None:
        """Raises ValueError for invalid keys."""
        self._groups = tuple(keys.strip() for keys in press.split(",")) if press else ()
        self._first = True
        Phone("").presses_in_turn(*self._groups)

    def __call__(self, phone: Phone) -> None:
        first, self._first = self._first, False
        if not first:
            phone.waits(TALK).hangs_up()
        elif self._groups:
            phone.presses_in_turn(*self._groups)


def _tell_problems(
    file: str,
    body: bytes,
    offhook: Offhook,
    rejected: CallflowRejected,
    as_json: bool,
    colour: bool,
    out: TextIO,
) -> int:
    """Print the findings of ``offhook lint`` for the callflow, with the facts of this sub-account."""
    findings = lint.lint_text(file, body, offhook.facts, now=offhook.now)
    if as_json:
        answer = msgspec.json.decode(rejected.answer)
        document = {"findings": msgspec.to_builtins(findings), "answer": answer}
        out.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
    else:
        out.write(lint.render(findings, colour))
    return FAILED


def _document(session: SimulatedSession, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "sessionStatus": session.status,
        "detail": session.detail,
        "timeline": session.timeline,
        "spoken": session.spoken,
        "digits": session.digits,
        "asked": session.asked,
        "events": session.events,
        "summary": session.summary,
        "notes": list(notes),
    }


def _story(session: SimulatedSession, notes: Sequence[str], paint: _Paint) -> str:
    lines = [_line(moment, paint) for moment in session.timeline]
    lines += ["", paint("1", f"The session is {session.status}.") + _cause(session)]
    lines += [paint("33", note) for note in notes]
    summary = msgspec.json.format(msgspec.json.encode(session.summary)).decode()
    lines += ["", "The session summary, as the VSS webhook would get it:", summary, ""]
    return "\n".join(lines)


def _cause(session: SimulatedSession) -> str:
    return f" {session.error}: {session.detail}" if session.error is not None else ""


def _line(moment: Moment, paint: _Paint) -> str:
    minutes, seconds = divmod(moment.at, 60)
    who = paint({OFFHOOK: "36", VCA: "35"}.get(moment.who, "32"), moment.who)
    text = "".join(c if c.isprintable() else "?" for c in moment.text)
    return f"{paint('2', f'{minutes:3.0f}:{seconds:05.2f}')}  {who} {moment.what} {text}".rstrip()
