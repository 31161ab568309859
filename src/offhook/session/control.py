"""Commands to the node that runs a session: small JSON messages over the fabric.

The API publishes a command on :func:`control_topic` and repeats it, with the same ``command_id``,
until a :class:`Heard` comes back on :func:`heard_topic` or its deadline passes: the fabric may lose
either. The node that runs the session obeys a ``command_id`` once and answers every copy.
"""

from __future__ import annotations

import msgspec

from offhook.flow.actions import Callflow


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", rename="camel"):
    """What every command carries."""

    command_id: str


class EndSession(Command, frozen=True, kw_only=True, tag="end"):
    """End it now: a leg that rings is CANCELED, one that is connected is hung up."""


class ReplaceCallflow(Command, frozen=True, kw_only=True, tag="replace"):
    """Stop what runs and run this callflow instead."""

    call_flow_request_id: str
    callflow: Callflow


AnyCommand = EndSession | ReplaceCallflow


class Heard(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The running node's answer to a command."""

    command_id: str
    refused: str | None = None
    """Why it was not obeyed; None: it is being obeyed."""


_decoder = msgspec.json.Decoder(AnyCommand)
_heard_decoder = msgspec.json.Decoder(Heard)


def control_topic(session_id: str) -> str:
    """Where commands to the session are published."""
    return f"control.{session_id}"


CONTROL_TOPICS = "control.*"
"""What a voice node subscribes to: commands to any session."""


def session_of(topic: str) -> str:
    """The session a :func:`control_topic` names."""
    return topic.partition(".")[2]


def heard_topic(session_id: str) -> str:
    """Where the answers to them are published."""
    return f"heard.{session_id}"


def encode_command(command: AnyCommand | Heard) -> bytes:
    """The message of a command or of an answer."""
    return msgspec.json.encode(command)


def decode_command(message: bytes) -> AnyCommand:
    """The command of a message. Raises :class:`msgspec.MsgspecError` for anything else."""
    command: AnyCommand = _decoder.decode(message)
    return command


def decode_heard(message: bytes) -> Heard:
    """The answer of a message. Raises :class:`msgspec.MsgspecError` for anything else."""
    return _heard_decoder.decode(message)
