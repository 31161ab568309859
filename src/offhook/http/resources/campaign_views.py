"""Campaigns as the API takes and shows them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from offhook.clock import iso_milliseconds
from offhook.http.resources.calling_windows import CallingWindowBody, windows_of
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.campaign import (
    Campaign,
    CampaignCounts,
    CampaignState,
    RetryRules,
    Target,
    TargetState,
)
from offhook.session.target_lists import ListProblem

Seconds = Annotated[float, msgspec.Meta(ge=1, le=604_800)]


class RetriesBody(View, frozen=True, kw_only=True):
    """Which outcomes are tried again, and when."""

    busy_after: Seconds | None = 600
    """Seconds after a call that was busy; null: it is not tried again."""
    no_answer_after: Seconds | None = 3600
    """Seconds after a call without an answer; null: it is not tried again."""
    most: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    """Retries of one number at the most, both kinds together."""


class TargetBody(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One number of the list."""

    number: str | int
    """With its country code, in any spelling."""
    parameters: dict[str, str | int | float | bool | None] = msgspec.field(default_factory=dict)
    """What the template's placeholders stand for."""


class CampaignRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One callflow template, and how its list is called."""

    callflow: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=50)]
    """The template: its strings may hold `{{parameter}}`; the first makeCall calls `{{number}}`."""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    client_request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    """`clientRequestId` of each session; may hold placeholders too."""
    pace: Annotated[float, msgspec.Meta(ge=0.01, le=1000)] = 1
    """Calls started a second."""
    max_calls: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None
    """Calls at once; absent: as many as the sub-account and its trunks allow."""
    calling_hours: Annotated[list[CallingWindowBody], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list
    )
    """Windows in the callee's own time zone, besides those of the sub-account."""
    retries: RetriesBody = msgspec.field(default_factory=RetriesBody)
    targets: Annotated[list[TargetBody | str | int], msgspec.Meta(max_length=10_000)] = (
        msgspec.field(default_factory=list)
    )
    """The list, or its beginning; a plain number has no parameters."""
    start: bool | None = None
    """Whether to call at once; absent: if `targets` are given."""


class CampaignView(View, frozen=True, kw_only=True):
    """One campaign with its progress."""

    campaign_id: str
    """Also the `clientBatchId` of its sessions."""
    name: str | None = None
    state: CampaignState
    """`DRAFT`, `RUNNING`, `PAUSED`, `COMPLETED` or `CANCELED`."""
    pace: float
    """Calls started a second."""
    max_calls: int | None = None
    calling_hours: list[CallingWindowBody] = msgspec.field(default_factory=list)
    """Windows in the callee's own time zone."""
    retries: RetriesBody
    """Which outcomes are tried again, and when."""
    created_at: str
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
    """How many numbers are done, by the status of their last session, or `NOT_VALID`."""


class CampaignAnswer(CampaignView, frozen=True, kw_only=True):
    """One campaign, asked for by its id."""

    callflow: list[dict[str, Any]]
    """The template."""
    problems: list[ListProblem] = msgspec.field(default_factory=list)
    """Lines of the given list that cannot be used and were left out, at most 100."""
    status_code: int
    status_message: str


class CampaignList(View, frozen=True, kw_only=True):
    """A page of campaigns, newest first."""

    campaigns: list[CampaignView]
    """The campaigns."""
    next_cursor: str | None = None
    status_code: int
    status_message: str


class UploadAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
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
    status_message: str


class TargetView(View, frozen=True, kw_only=True):
    """One number of the list with what became of it."""

    position: int
    """Its place in the list; grows, with gaps."""
    number: str
    """E.164 with `+`."""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    """What the template's placeholders stand for."""
    state: TargetState
    """`WAITING` (for its first call, or a retry), `CALLING` or `DONE`."""
    attempts: int
    """Sessions made for it so far."""
    outcome: str | None = None
    """Status of its last session that has ended; `NOT_VALID`: it has no valid callflow."""
    detail: str | None = None
    session_id: str | None = None
    """The last session."""
    due_at: str | None = None
    """Of a WAITING one: not called before this time."""
    ended_at: str | None = None
    """When the last session ended."""


class TargetList(View, frozen=True, kw_only=True):
    """A page of the list, in its order."""

    targets: list[TargetView]
    """The numbers."""
    next_cursor: str | None = None
    status_code: int
    status_message: str


def campaign_view(campaign: Campaign, counts: CampaignCounts) -> CampaignView:
    """One campaign of a page."""
    return CampaignView(**_fields(campaign, counts))


def campaign_answer(
    campaign: Campaign, counts: CampaignCounts, problems: list[ListProblem] | None = None
) -> CampaignAnswer:
    """One campaign."""
    return CampaignAnswer(
        **_fields(campaign, counts),
        callflow=msgspec.json.decode(campaign.template)["callflow"],
        problems=problems or [],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


def _fields(campaign: Campaign, counts: CampaignCounts) -> dict[str, Any]:
    return {
        "campaign_id": campaign.campaign_id,
        "name": campaign.name,
        "state": campaign.state,
        "pace": campaign.pace,
        "max_calls": campaign.max_calls,
        "calling_hours": windows_of(campaign.calling_hours),
        "retries": RetriesBody(**msgspec.structs.asdict(campaign.retries)),
        "created_at": iso_milliseconds(campaign.created_at),
        "started_at": None
        if campaign.started_at is None
        else iso_milliseconds(campaign.started_at),
        "ended_at": None if campaign.ended_at is None else iso_milliseconds(campaign.ended_at),
        "total": counts.total,
        "waiting": counts.waiting,
        "calling": counts.calling,
        "done": counts.done,
        "attempts": counts.attempts,
        "outcomes": dict(counts.outcomes),
    }


def rules_of(body: RetriesBody) -> RetryRules:
    """The retry rules that a request sets."""
    return RetryRules(
        busy_after=body.busy_after, no_answer_after=body.no_answer_after, most=body.most
    )


def target_view(target: Target) -> TargetView:
    """One number of the list."""
    waits = target.state is TargetState.WAITING
    return TargetView(
        position=target.position,
        number=target.number,
        parameters=dict(target.parameters),
        state=target.state,
        attempts=target.attempts,
        outcome=target.outcome,
        detail=target.detail,
        session_id=target.session_id,
        due_at=iso_milliseconds(target.due_at) if waits else None,
        ended_at=None if target.ended_at is None else iso_milliseconds(target.ended_at),
    )
