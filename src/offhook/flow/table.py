"""The callflow language as a table: every action, its params, their kinds and ranges.

This is ``spec/status-codes.md``, "Details of -1009", row by row. The judge reads requests by it,
:mod:`.schema` prints it as a JSON Schema, and scenarios are filled in by it. To add an action, add
its type to :mod:`.actions` and its row here; to add a param, one line. Rules that concern more than
one value are in :mod:`.arrangement` and :mod:`.content`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from offhook.flow.actions import (
    AnyAction,
    ExecuteScenario,
    Hangup,
    MakeCall,
    PlayFile,
    Say,
    SayAndCapture,
)
from offhook.flow.kinds import Boolean, Integer, Kind, Number, PhoneNumber, Text, Url

MOST_ACTIONS = 50
MOST_CALLS = 2
MOST_DIGITS = 25

Params = Mapping[str, object]


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """One member of ``params``."""

    name: str
    kind: Kind
    field: str
    """The field of the action that takes the value."""
    required: bool = False
    unless: str | None = None
    """Required only where this other member is absent."""
    spoken: bool = False
    """Its characters are judged (-1016)."""
    alias: str | None = None
    """A second spelling that counts where ``name`` is absent (v1.1)."""
    range_elsewhere: Callable[[Params], bool] | None = None
    """When true of the params, another code judges the range: only the type is judged here."""


def _param(
    name: str,
    kind: Kind,
    *,
    required: bool = False,
    unless: str | None = None,
    spoken: bool = False,
    range_elsewhere: Callable[[Params], bool] | None = None,
) -> Param:
    """A param whose field is its name in snake case."""
    return Param(
        name=name,
        kind=kind,
        field=re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name),
        required=required,
        unless=unless,
        spoken=spoken,
        range_elsewhere=range_elsewhere,
    )


class ActionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One action."""

    name: str
    type: type[AnyAction]
    params: tuple[Param, ...] = ()
    params_required: bool = True
    aliases: tuple[str, ...] = ()
    """Other spellings of the name that customers send."""
    also_checked: tuple[str, ...] = ()
    """Members that are ignored, but for their characters (-1016 names them)."""


def digits_limit_has_own_code(params: Params) -> bool:
    """Whether -1003 or -1008 judges the range of ``maxDigits``, and -1009 does not."""
    return params.get("minDigits") is not None or params.get("completeOnHash") is False


SOURCE = _param("source", PhoneNumber(), required=True)
DESTINATION = _param("destination", PhoneNumber(several=True), required=True)
_VOICE = (
    _param("voiceProfile", Text(), required=True, unless="language"),
    _param("language", Text()),
)
_REPETITION = _param("repetition", Integer(1, 3))
_SPEED = _param("speed", Number(0.5, 2))

ROWS = (
    ActionRow(
        name="makeCall",
        type=MakeCall,
        params=(SOURCE, DESTINATION, _param("callRecording", Boolean())),
    ),
    ActionRow(
        name="say",
        type=Say,
        params=(
            _param("text", Text(3000, 1), required=True, spoken=True),
            *_VOICE,
            _REPETITION,
            _SPEED,
        ),
    ),
    ActionRow(
        name="sayAndCapture",
        aliases=("sayAndcapture", "say&capture"),
        also_checked=("endMessage",),
        type=SayAndCapture,
        params=(
            _param("promptMessage", Text(3000, 1), required=True, spoken=True),
            *_VOICE,
            _param("successMessage", Text(3000), spoken=True),
            _param("failureMessage", Text(3000), spoken=True),
            _REPETITION,
            _SPEED,
            _param("minDigits", Integer(1, MOST_DIGITS)),
            _param(
                "maxDigits",
                Integer(1, MOST_DIGITS),
                range_elsewhere=digits_limit_has_own_code,
            ),
            _param("digitTimeout", Integer(1, 600_000)),
            _param("overallTimeout", Integer(1, 600_000)),
            _param("completeOnHash", Boolean()),
            _param("noOfTries", Integer(1, 10)),
            _param("dtmfCallbackUrl", Url()),
        ),
    ),
    ActionRow(
        name="playFile",
        type=PlayFile,
        params=(_param("fileUrl", Url(2048), required=True), _REPETITION),
    ),
    ActionRow(name="hangup", type=Hangup, params_required=False),
    ActionRow(
        name="executeScenario",
        type=ExecuteScenario,
        # Absent, null, empty and blank have a code of their own (-1019).
        params=(_param("scenarioName", Text(), spoken=True),),
    ),
)

BY_NAME: Mapping[str, ActionRow] = {
    spelling: row for row in ROWS for spelling in (row.name, *row.aliases)
}
"""Every accepted spelling of ``action``."""
