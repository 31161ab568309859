"""The callflow language as a table: every action, its params, their kinds and ranges.

This is ``spec/status-codes.md``, "Details of -1009", row by row. The judge reads requests by it,
:mod:`.json_schema` prints it as a JSON Schema, and scenarios are filled in by it. To add an action, add
its type to :mod:`.actions` and its row here; to add a param, one line. Rules about more than one value
are in :mod:`.arrangement` and :mod:`.content`.
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
from offhook.flow.kinds import Boolean, Integer, Keys, Kind, NumberKind, PhoneNumber, Text, Url

MOST_ACTIONS = 50
MOST_CALLS = 2
MOST_DIGITS = 25
MOST_KEYS_SENT = 64
LONGEST_RINGING = 600
"""Seconds of ``ringTimeout``."""
LONGEST_CALL = 86_400
"""Seconds of ``maxDuration``."""

Params = Mapping[str, object]


class Param(msgspec.Struct, frozen=True, kw_only=True):
    """One member of ``params``."""

    name: str
    kind: Kind
    field: str
    """The field of the action that takes the value."""
    about: str
    """What it does, in one line, for writers of callflows."""
    required: bool = False
    unless: str | None = None
    """Required only where this other member is absent."""
    spoken: bool = False
    """Whether its characters are judged (-1016)."""
    alias: str | None = None
    """A second spelling that counts where ``name`` is absent (v1.1)."""
    range_elsewhere: Callable[[Params], bool] | None = None
    """When true of the params, another code judges the range: only the type is judged here."""


def _param(
    name: str,
    kind: Kind,
    about: str,
    *,
    required: bool = False,
    unless: str | None = None,
    spoken: bool = False,
    range_elsewhere: Callable[[Params], bool] | None = None,
) -> Param:
    """A param with its name in snake case as its field."""
    return Param(
        name=name,
        kind=kind,
        about=about,
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
    about: str
    params: tuple[Param, ...] = ()
    params_required: bool = True
    aliases: tuple[str, ...] = ()
    """Other spellings of the name that customers send."""
    also_checked: tuple[str, ...] = ()
    """Members that are ignored, but for their characters (-1016 names them)."""


def digits_limit_has_own_code(params: Params) -> bool:
    """Whether -1003 or -1008 judges the range of ``maxDigits`` instead of -1009."""
    return params.get("minDigits") is not None or params.get("completeOnHash") is False


SOURCE = _param(
    "source",
    PhoneNumber(),
    "The caller ID: one of your active numbers or allowed caller IDs.",
    required=True,
)
DESTINATION = _param(
    "destination",
    PhoneNumber(several=True),
    "The phone number to call, E.164: country code first.",
    required=True,
)
_VOICE = (
    _param(
        "voiceProfile",
        Text(),
        "The voice, by its speech-profile code.",
        required=True,
        unless="language",
    ),
    _param("language", Text(), "The language, where no voiceProfile is given (BCP 47: en-GB)."),
)
_REPETITION = _param("repetition", Integer(1, 3), "How many times it is played.")
_SPEED = _param("speed", NumberKind(0.5, 2), "How fast it is spoken; 1 is the voice's own pace.")

ROWS = (
    ActionRow(
        name="makeCall",
        about="Call somebody; a second makeCall bridges them to the first.",
        type=MakeCall,
        params=(
            SOURCE,
            DESTINATION,
            _param("callRecording", Boolean(), "Record the session from this leg's answer on."),
            _param(
                "sendDigits",
                Keys(MOST_KEYS_SENT),
                "Keys sent once it is answered, such as an extension; w waits half a second.",
            ),
            _param(
                "ringTimeout",
                Integer(1, LONGEST_RINGING),
                "Seconds it rings at the most; absent: the server's ring_timeout.",
            ),
            _param(
                "maxDuration",
                Integer(1, LONGEST_CALL),
                "Seconds after the answer at which this leg is hung up.",
            ),
        ),
    ),
    ActionRow(
        name="say",
        about="Speak a text.",
        type=Say,
        params=(
            _param("text", Text(3000, 1), "What to say.", required=True, spoken=True),
            *_VOICE,
            _REPETITION,
            _SPEED,
        ),
    ),
    ActionRow(
        name="sayAndCapture",
        about="Speak a prompt and collect the keys the caller presses.",
        aliases=("sayAndcapture", "say&capture"),
        also_checked=("endMessage",),
        type=SayAndCapture,
        params=(
            _param(
                "promptMessage",
                Text(3000, 1),
                "What to say before keys are collected.",
                required=True,
                spoken=True,
            ),
            *_VOICE,
            _param(
                "successMessage",
                Text(3000),
                "What to say after enough keys were pressed.",
                spoken=True,
            ),
            _param(
                "failureMessage",
                Text(3000),
                "What to say after each try in which too few keys were pressed.",
                spoken=True,
            ),
            _REPETITION,
            _SPEED,
            _param(
                "minDigits",
                Integer(1, MOST_DIGITS),
                "Keys that make a try succeed; needs maxDigits.",
            ),
            _param(
                "maxDigits",
                Integer(1, MOST_DIGITS),
                "Keys after which a try ends.",
                range_elsewhere=digits_limit_has_own_code,
            ),
            _param(
                "digitTimeout",
                Integer(1, 600_000),
                "Milliseconds to wait between keys; needs overallTimeout.",
            ),
            _param(
                "overallTimeout",
                Integer(1, 600_000),
                "Milliseconds a try lasts after its prompt, digitTimeout at least.",
            ),
            _param(
                "completeOnHash",
                Boolean(),
                "Whether # ends a try; if not, # and * are keys like others.",
            ),
            _param("noOfTries", Integer(1, 10), "How often the caller may try."),
            _param("dtmfCallbackUrl", Url(), "Where the keys are posted besides the VCA webhook."),
        ),
    ),
    ActionRow(
        name="playFile",
        about="Play an audio file.",
        type=PlayFile,
        params=(
            _param(
                "fileUrl",
                Url(2048, library=True),
                "The audio file, wav or mp3, at most 5120 KiB; offhook:name is one of the media library.",
                required=True,
            ),
            _REPETITION,
        ),
    ),
    ActionRow(
        name="hangup",
        about="Disconnect everybody and end the session.",
        type=Hangup,
        params_required=False,
    ),
    ActionRow(
        name="executeScenario",
        about="Run a stored callflow template.",
        type=ExecuteScenario,
        # Absent, null, empty and blank names have a code of their own (-1019).
        params=(
            _param(
                "scenarioName",
                Text(),
                "The scenario's name; every other param is a parameter of the scenario.",
                spoken=True,
            ),
        ),
    ),
)

BY_NAME: Mapping[str, ActionRow] = {
    spelling: row for row in ROWS for spelling in (row.name, *row.aliases)
}
"""Every accepted spelling of ``action``."""
