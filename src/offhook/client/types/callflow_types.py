"""Callflows: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

import msgspec

from offhook.client.open_set import OpenSet

__all__ = ["CallAccepted", "CallflowAccepted", "CallflowProblem", "QueueingState", "State"]


class State(OpenSet):
    """State."""

    QUEUED = "queued"
    REJECTED = "rejected"


class CallflowAccepted(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """A callflow that passed the judgement."""

    session_id: str | None = None
    """Absent from ``validate``: nothing was created."""
    session_status: str
    """``CREATED``; from ``validate`` ``VALID``; where it replaces another, ``RUNNING``."""
    call_flow_request_id: str
    """Of this request; ``GET /requests/{callFlowRequestId}`` shows it again for 30 days."""
    valid_until: str | None = None
    """As the request spelled it."""
    status_code: int
    """1."""
    status_message: str
    """``Created``."""
    message: str
    """The same as ``statusMessage``."""


class QueueingState(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of a request to a ``/calls`` path."""

    state: State
    """``queued`` where a session was created."""


class CallAccepted(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A callflow that passed the judgement, as the ``/calls`` paths answer it."""

    session_id: str | None = None
    """Absent from ``validate``: nothing was created."""
    session_status: str
    """``CREATED``; from ``validate`` ``VALID``; where it replaces another, ``RUNNING``."""
    call_flow_request_id: str
    """Of this request; ``GET /requests/{callFlowRequestId}`` shows it again for 30 days."""
    valid_until: str | None = None
    """As the request spelled it."""
    status_code: int
    """1."""
    status_message: str
    """``Created``."""
    message: str
    """The same as ``statusMessage``."""
    uid: str
    """The session's id again, under the name of v1.1."""
    destination: str | None = None
    """The number that is called, E.164 with ``+``; absent for a scenario without a makeCall."""
    client_request_id: str | None = None
    """As given."""
    status: QueueingState
    """``queued``."""


class CallflowProblem(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """One problem of a rejected callflow."""

    status_code: int
    """From the table of codes."""
    path: str
    """A JSONPath such as ``$.callflow[1].params.maxDigits``."""
    message: str
    """What is wrong there."""
    help: str | None = None
    """The page on the code, on this server."""
