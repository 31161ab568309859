"""One frozen type per action of a judged callflow (``spec/status-codes.md``, ``spec/execution.md``).

These are what the judge returns, what a session row stores (as JSON, tagged by ``action``) and what
the steps in ``execution/steps`` run. Every default of the contract is already filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from offhook.codes import RuntimeCode


class Action(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="action",
    rename="camel",
    omit_defaults=True,
):
    """Base of all actions. Their tag is the action's name on the wire."""


class MakeCall(Action, frozen=True, kw_only=True, tag="makeCall"):
    """Dial a phone: leg A when first, else a leg that is bridged to A."""

    source: str
    """E.164 with ``+``; or ``private``/``anonymous``: caller ID withheld."""
    destination: str
    """E.164 with ``+``."""
    call_recording: bool = False
    send_digits: str | None = None
    """Sent once the leg is answered: ``0-9*#A-D``; a ``w`` waits half a second."""
    ring_timeout: int | None = None
    """Seconds; None: ``limits.ring_timeout``."""
    max_duration: int | None = None
    """Seconds after the answer at which the leg is hung up; None: no limit of its own."""


class Say(Action, frozen=True, kw_only=True, tag="say"):
    """Speak a text."""

    text: str
    voice_profile: str | None = None
    """A speech-profile code, in the spelling of the table; None: the language decides."""
    language: str | None = None
    repetition: int = 1
    speed: float = 1.0


class SayAndCapture(Action, frozen=True, kw_only=True, tag="sayAndCapture"):
    """Speak a prompt and collect keys. Times in milliseconds."""

    prompt_message: str
    voice_profile: str | None = None
    language: str | None = None
    success_message: str | None = None
    failure_message: str | None = None
    repetition: int = 1
    speed: float = 1.0
    min_digits: int = 1
    max_digits: int = 25
    digit_timeout: int | None = None
    overall_timeout: int = 30_000
    complete_on_hash: bool = True
    no_of_tries: int = 3
    dtmf_callback_url: str | None = None


class PlayFile(Action, frozen=True, kw_only=True, tag="playFile"):
    """Fetch an audio file and play it."""

    file_url: str
    repetition: int = 1


class Hangup(Action, frozen=True, kw_only=True, tag="hangup"):
    """Disconnect all legs and end the session."""


class ExecuteScenario(Action, frozen=True, kw_only=True, tag="executeScenario"):
    """Run a stored callflow template."""

    scenario_name: str
    parameters: Mapping[str, object] = {}
    """Every other member of ``params``, as sent."""


AnyAction = MakeCall | Say | SayAndCapture | PlayFile | Hangup | ExecuteScenario


class ScenarioError(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Why an executeScenario cannot run."""

    code: RuntimeCode
    """-2009 or -2003."""
    detail: str
    """A text for the operator."""


class Callflow(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A judged callflow: valid by every rule of the contract at the time it was judged."""

    actions: tuple[AnyAction, ...]
    valid_until: datetime | None = None
    """Aware, in UTC."""
    client_action_id: str | None = None
    """Of a VCA answer only."""
    client_request_id: str | None = None
    client_batch_id: str | None = None
    legacy: bool = False
    """Came as a v1.1 request (``spec/status-codes.md``, "v1.1 requests")."""
    error: ScenarioError | None = None
    """Its session ends with this error before anything runs. ``actions`` is the executeScenario."""


LAST_ACTION_NAMES: Mapping[type[Action], str] = {
    MakeCall: "MAKE_CALL",
    Say: "SAY",
    SayAndCapture: "SAY_AND_CAPTURE",
    PlayFile: "PLAY_FILE",
    Hangup: "HANGUP",
    ExecuteScenario: "EXECUTE_SCENARIO",
}
"""``lastAction`` of a session summary (``spec/webhooks.md``)."""
