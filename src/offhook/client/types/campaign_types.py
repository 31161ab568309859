"""Campaigns: what requests and answers hold. Made by ``python -m scripts.clients``: do not edit."""

from __future__ import annotations

from typing import Any

import msgspec

from offhook.client.open_set import OpenSet

__all__ = [
    "CallingWindowBody",
    "CampaignAnswer",
    "CampaignList",
    "CampaignState",
    "CampaignView",
    "ListProblem",
    "RetriesBody",
    "TargetBody",
    "TargetList",
    "TargetState",
    "TargetView",
    "UploadAnswer",
]


class CampaignState(OpenSet):
    """Where a campaign stands."""

    DRAFT = "DRAFT"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


class CallingWindowBody(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True
):
    """Hours in which the sub-account may call, in the callee's own time zone."""

    days: list[str] | None = None
    """Days and ranges of days: ``['mon-fri', 'sun']``; absent: every day."""
    opens: str
    """a time of day such as '09:00'; '24:00' is the end of the day."""
    closes: str
    """a time of day such as '09:00'; '24:00' is the end of the day."""


class RetriesBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Which outcomes are tried again, and when."""

    busy_after: float | None = 600
    """Seconds after a call that was busy; null: it is not tried again."""
    no_answer_after: float | None = 3600
    """Seconds after a call without an answer; null: it is not tried again."""
    most: int = 3
    """Retries of one number at the most, both kinds together."""


class CampaignView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One campaign with its progress."""

    campaign_id: str
    """Also the ``clientBatchId`` of its sessions."""
    name: str | None = None
    """The name."""
    state: CampaignState
    """``DRAFT``, ``RUNNING``, ``PAUSED``, ``COMPLETED`` or ``CANCELED``."""
    pace: float
    """Calls started a second."""
    max_calls: int | None = None
    """Sessions at once; absent: no limit."""
    calling_hours: list[CallingWindowBody] | None = None
    """Windows in the callee's own time zone."""
    retries: RetriesBody
    """Which outcomes are tried again, and when."""
    created_at: str
    """ISO 8601, UTC."""
    started_at: str | None = None
    """ISO 8601, UTC."""
    ended_at: str | None = None
    """When the last number was done, or it was canceled: ISO 8601, UTC."""
    total: int
    """Numbers on the list."""
    waiting: int
    """Numbers that wait for their first call or for a retry."""
    calling: int
    """Numbers that are being called."""
    done: int
    """Numbers that are not called any more."""
    attempts: int
    """Sessions made so far."""
    outcomes: dict[str, int]
    """How many numbers are done, by the status of their last session, or ``NOT_VALID``."""


class CampaignList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A page of campaigns, newest first."""

    campaigns: list[CampaignView]
    """The campaigns."""
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class ListProblem(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line that cannot be used."""

    line: int
    """From 1, as an editor counts it; in JSON the element."""
    what: str
    """Why."""


class CampaignAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One campaign, asked for by its id."""

    campaign_id: str
    """Also the ``clientBatchId`` of its sessions."""
    name: str | None = None
    """The name."""
    state: CampaignState
    """``DRAFT``, ``RUNNING``, ``PAUSED``, ``COMPLETED`` or ``CANCELED``."""
    pace: float
    """Calls started a second."""
    max_calls: int | None = None
    """Sessions at once; absent: no limit."""
    calling_hours: list[CallingWindowBody] | None = None
    """Windows in the callee's own time zone."""
    retries: RetriesBody
    """Which outcomes are tried again, and when."""
    created_at: str
    """ISO 8601, UTC."""
    started_at: str | None = None
    """ISO 8601, UTC."""
    ended_at: str | None = None
    """When the last number was done, or it was canceled: ISO 8601, UTC."""
    total: int
    """Numbers on the list."""
    waiting: int
    """Numbers that wait for their first call or for a retry."""
    calling: int
    """Numbers that are being called."""
    done: int
    """Numbers that are not called any more."""
    attempts: int
    """Sessions made so far."""
    outcomes: dict[str, int]
    """How many numbers are done, by the status of their last session, or ``NOT_VALID``."""
    callflow: list[dict[str, Any]]
    """The template."""
    problems: list[ListProblem] | None = None
    """Lines of the given list that cannot be used and were left out, at most 100."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class TargetBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number of the list."""

    number: str | int
    """With its country code, in any spelling."""
    parameters: dict[str, str | int | float | bool | None] | None = None
    """What the template's placeholders stand for."""


class TargetState(OpenSet):
    """Where one number of a list stands."""

    WAITING = "WAITING"
    CALLING = "CALLING"
    DONE = "DONE"


class TargetView(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One number of the list with what became of it."""

    position: int
    """Its place in the list; grows, with gaps."""
    number: str
    """E.164 with ``+``."""
    parameters: dict[str, str] | None = None
    """What the template's placeholders stand for."""
    state: TargetState
    """``WAITING`` (for its first call, or a retry), ``CALLING`` or ``DONE``."""
    attempts: int
    """Sessions made for it so far."""
    outcome: str | None = None
    """Status of its last session that has ended; ``NOT_VALID``: it has no valid callflow."""
    detail: str | None = None
    """What exactly was wrong."""
    session_id: str | None = None
    """The last session."""
    due_at: str | None = None
    """Of a WAITING one: not called before this time."""
    ended_at: str | None = None
    """When the last session ended."""


class TargetList(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A page of the list, in its order."""

    targets: list[TargetView]
    """The numbers."""
    next_cursor: str | None = None
    """Give it as ``cursor`` to get the next page; absent on the last."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What became of a list that was uploaded."""

    campaign_id: str
    """The campaign's id."""
    added: int
    """Numbers that were added."""
    duplicates: int
    """Numbers that were on the list already."""
    rejected: int
    """Lines that cannot be used."""
    problems: list[ListProblem]
    """The first 100 of them."""
    status_code: int
    """0 where all is well."""
    status_message: str
    """``ok``, or what was done."""
