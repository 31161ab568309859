"""``/campaigns``: one callflow for a list of numbers (:mod:`offhook.session.campaign`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.params import JSONBody, PathParameter, QueryParameter
from litestar.response import Stream

from offhook.clock import new_id
from offhook.flow.scenarios import ScenarioFailed
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller, Scope
from offhook.http.edge.body import ClientGone
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.calling_windows import hours_of
from offhook.http.resources.campaign_csv import results_csv
from offhook.http.resources.campaign_views import (
    CampaignAnswer,
    CampaignList,
    CampaignRequest,
    TargetBody,
    TargetList,
    UploadAnswer,
    campaign_answer,
    campaign_view,
    rules_of,
    target_view,
)
from offhook.http.resources.params import CONFLICTS, AnyRequest, needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE
from offhook.session.calling_hours import OutsideHours
from offhook.session.campaign import (
    Campaign,
    CampaignOrder,
    CampaignState,
    NewTarget,
    TargetState,
)
from offhook.session.campaign_templates import UnfitTemplate, callflow_of, template_of
from offhook.session.ports.campaign_records import TargetFilter
from offhook.session.target_lists import (
    MOST_PROBLEMS,
    Entry,
    ListProblem,
    UnreadableList,
    entries,
    read_csv,
    read_json,
)

LARGEST_UPLOAD = 8 * 1024 * 1024
"""Bytes of a list in one request; a larger list comes in several."""
CHUNK = 1000
"""Numbers that are stored in one transaction."""
READERS: dict[str, Callable[[bytes], Iterator[Entry]]] = {
    "text/csv": read_csv,
    "application/json": read_json,
}
"""How a list is read, by its content type."""

CampaignId = Annotated[str, PathParameter(name="campaignId", max_length=64)]


@dataclass
class ListUpload(Operation):
    """The operation that takes a list."""

    request_body: RequestBody | None = field(
        default_factory=lambda: RequestBody(
            required=True,
            content={
                "text/csv": OpenAPIMediaType(
                    schema=Schema(
                        type="string",  # type: ignore[arg-type]  # any str will do
                        description="A header line, then a line for each number.",
                    ),
                ),
                "application/json": OpenAPIMediaType(
                    schema=Schema(
                        description="An array of numbers, or of objects with `number` and `parameters`.",
                    ),
                ),
            },
        )
    )


@get(
    "/",
    operation_id="listCampaigns",
    summary="List the campaigns, newest first",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def list_campaigns(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    cursor: Annotated[
        str | None,
        QueryParameter(max_length=200, description="`nextCursor` of the page before"),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=200)] = 50,
) -> CampaignList:
    """Each with its progress."""
    owner = caller.sub_account.sub_account_id
    try:
        found, following = await deps.store.campaigns(owner, cursor=cursor, limit=limit)
    except ValueError as error:
        raise Refused(INVALID, f"cursor: {error}") from None
    counts = [await deps.store.campaign_counts(each.campaign_id) for each in found]
    return CampaignList(
        campaigns=[campaign_view(*each) for each in zip(found, counts, strict=True)],
        next_cursor=following,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@post(
    "/",
    status_code=201,
    operation_id="createCampaign",
    summary="Create a campaign, with its list or without",
    guards=[needs(Scope.CALLFLOWS_WRITE)],
)
async def create_campaign(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], data: JSONBody[CampaignRequest]
) -> CampaignAnswer:
    """It calls at once if the list is given, or waits for its list and `start`."""
    template = {"callflow": data.callflow}
    if data.client_request_id is not None:
        template["clientRequestId"] = data.client_request_id  # type: ignore[assignment]  # JSON
    now = deps.clock.now()
    try:
        text = template_of(template)
    except UnfitTemplate as error:
        raise Refused(INVALID, str(error)) from None
    campaign = Campaign(
        campaign_id=new_id(),
        sub_account_id=caller.sub_account.sub_account_id,
        name=data.name,
        state=CampaignState.DRAFT,
        template=text,
        pace=data.pace,
        max_calls=data.max_calls,
        calling_hours=hours_of(data.calling_hours, OutsideHours.QUEUE),
        retries=rules_of(data.retries),
        created_at=now,
    )
    given = list(entries([_element(each) for each in data.targets]))
    targets = [each for each in given if isinstance(each, NewTarget)]
    if data.start is not False and data.targets:
        _check_first(deps, caller, campaign, targets)
    await deps.store.create_campaign(campaign)
    for start in range(0, len(targets), CHUNK):
        await deps.store.add_targets(campaign, targets[start : start + CHUNK])
    if data.start or (data.start is None and targets):
        campaign = await _ordered(deps, campaign, CampaignOrder.START)
    problems = [each for each in given if isinstance(each, ListProblem)]
    counts = await deps.store.campaign_counts(campaign.campaign_id)
    return campaign_answer(campaign, counts, problems[:MOST_PROBLEMS])


def _element(target: TargetBody | str | int) -> object:
    return msgspec.to_builtins(target) if isinstance(target, TargetBody) else target


def _check_first(deps: Deps, caller: Caller, campaign: Campaign, targets: list[NewTarget]) -> None:
    """Judge the callflow of the first number: what is wrong with it is most often wrong with all."""
    if not targets:
        raise Refused(INVALID, "targets: none of them is a phone number with its country code")
    first = targets[0]
    try:
        callflow_of(
            campaign.template,
            first.number,
            first.parameters,
            caller.sub_account,
            deps.profiles,
            deps.clock.now(),
        )
    except ScenarioFailed as failure:
        raise Refused(INVALID, f"callflow of the first number: {failure.detail}") from None


@get(
    "/{campaignId:str}",
    operation_id="getCampaign",
    summary="Show a campaign and its progress",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def get_campaign(
    deps: NamedDependency[Deps], caller: NamedDependency[Caller], campaign_id: CampaignId
) -> CampaignAnswer:
    """404 where there is none with this id."""
    campaign = await _campaign(deps, caller, campaign_id)
    return campaign_answer(campaign, await deps.store.campaign_counts(campaign_id))


@post(
    "/{campaignId:str}/targets",
    status_code=200,
    operation_id="uploadTargets",
    operation_class=ListUpload,
    request_max_body_size=LARGEST_UPLOAD,
    responses=CONFLICTS,
    summary="Add numbers to the list: CSV or JSON, at most 8 MiB a request",
    guards=[needs(Scope.CALLFLOWS_WRITE)],
)
async def upload_targets(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    request: AnyRequest,
    campaign_id: CampaignId,
) -> UploadAnswer:
    """A number that is on the list already is left out, so a request may be repeated."""
    campaign = await _campaign(deps, caller, campaign_id)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    reader = READERS.get(content_type)
    if reader is None:
        raise Refused(INVALID, f"Content-Type: must be one of {', '.join(READERS)}")
    try:
        body = await request.body()
    except InternalServerException:  # the framework raises this when the client has gone
        raise ClientGone from None
    try:
        lines = await asyncio.to_thread(reader, body)
    except UnreadableList as error:
        raise Refused(INVALID, f"body: {error}") from None
    del body
    return await _stored(deps, campaign, lines)


async def _stored(deps: Deps, campaign: Campaign, lines: Iterator[Entry]) -> UploadAnswer:
    """Store a list chunk by chunk; other requests are served in between."""
    added = duplicates = rejected = 0
    problems: list[ListProblem] = []
    while chunk := await asyncio.to_thread(lambda: list(islice(lines, CHUNK))):
        targets = [each for each in chunk if isinstance(each, NewTarget)]
        wrong = [each for each in chunk if isinstance(each, ListProblem)]
        new = await deps.store.add_targets(campaign, targets) if targets else 0
        if new is None:
            raise Refused(CONFLICT, "The campaign has ended")
        added, duplicates = added + new, duplicates + len(targets) - new
        rejected += len(wrong)
        problems += wrong[: MOST_PROBLEMS - len(problems)]
    return UploadAnswer(
        campaign_id=campaign.campaign_id,
        added=added,
        duplicates=duplicates,
        rejected=rejected,
        problems=problems,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@post(
    "/{campaignId:str}/{order:str}",
    status_code=200,
    operation_id="orderCampaign",
    responses=CONFLICTS,
    summary="Start, pause, resume or cancel a campaign",
    guards=[needs(Scope.CALLFLOWS_WRITE)],
)
async def order_campaign(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    campaign_id: CampaignId,
    order: Annotated[
        str,
        PathParameter(
            pattern="^(start|pause|resume|cancel)$",
            description="`start`, `pause`, `resume` or `cancel`",
        ),
    ],
) -> CampaignAnswer:
    """Calls that were begun go on; 409 where the campaign's state does not allow the order."""
    campaign = await _campaign(deps, caller, campaign_id)
    wanted = CampaignOrder(order)
    if wanted is CampaignOrder.START and campaign.state is CampaignState.DRAFT:
        first = await deps.store.targets(campaign_id, limit=1)
        if not first:
            raise Refused(CONFLICT, "The campaign's list is empty")
        of_first = NewTarget(number=first[0].number, parameters=first[0].parameters)
        _check_first(deps, caller, campaign, [of_first])
    campaign = await _ordered(deps, campaign, wanted)
    if wanted is CampaignOrder.CANCEL:
        await _cancel_queued(deps, caller, campaign)
    return campaign_answer(campaign, await deps.store.campaign_counts(campaign_id))


async def _ordered(deps: Deps, campaign: Campaign, order: CampaignOrder) -> Campaign:
    changed = await deps.store.order_campaign(campaign, order, deps.clock.now())
    if changed is None:
        raise Refused(CONFLICT, f"A campaign that is {campaign.state} cannot {order}")
    deps.fabric.publish("campaigns")
    return changed


async def _cancel_queued(deps: Deps, caller: Caller, campaign: Campaign) -> None:
    """End the sessions that are not dialled yet; there are a few seconds' worth of them."""
    for calling in await deps.store.calling_targets(campaign.campaign_id):
        session_id = calling.target.session_id
        if not calling.waits or session_id is None:
            continue
        session = await deps.store.session(campaign.sub_account_id, session_id)
        if session is not None and not session.status.final and session.started_at is None:
            end = deps.cancel(session, caller.sub_account, deps.clock.now())
            if await deps.store.cancel_queued(end.session, end.events, end.outbox):
                deps.fabric.publish("outbox")


@get(
    "/{campaignId:str}/targets",
    operation_id="listTargets",
    summary="List the numbers of a campaign with their results",
    guards=[needs(Scope.SESSIONS_READ)],
)
async def list_targets(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    campaign_id: CampaignId,
    target_state: Annotated[
        TargetState | None,
        QueryParameter(name="targetState", description="Only numbers in this state"),
    ] = None,
    outcome: Annotated[
        str | None,
        QueryParameter(
            pattern="^[A-Z_]{1,32}$", description="Only numbers whose last session ended so"
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        QueryParameter(pattern="^[0-9]{1,18}$", description="`nextCursor` of the page before"),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> TargetList:
    """In the order of the list."""
    await _campaign(deps, caller, campaign_id)
    chosen = TargetFilter(state=target_state, outcome=outcome)
    found = await deps.store.targets(campaign_id, chosen, after=int(cursor or 0), limit=limit + 1)
    page = found[:limit]
    return TargetList(
        targets=[target_view(each) for each in page],
        next_cursor=str(page[-1].position) if len(found) > limit else None,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/{campaignId:str}/results",
    operation_id="getResults",
    summary="The results of a campaign as CSV",
    guards=[needs(Scope.SESSIONS_READ)],
    media_type="text/csv",
)
async def get_results(
    deps: NamedDependency[Deps],
    caller: NamedDependency[Caller],
    campaign_id: CampaignId,
    target_state: Annotated[
        TargetState | None,
        QueryParameter(name="targetState", description="Only numbers in this state"),
    ] = None,
) -> Stream:
    """A line for each number, in the order of the list; at any time."""
    await _campaign(deps, caller, campaign_id)
    return Stream(
        results_csv(deps.store, campaign_id, TargetFilter(state=target_state)),
        media_type="text/csv",
        headers={
            "content-disposition": f'attachment; filename="campaign-{campaign_id}.csv"',
            "cache-control": "no-store",
        },
    )


async def _campaign(deps: Deps, caller: Caller, campaign_id: str) -> Campaign:
    found = await deps.store.campaign(caller.sub_account.sub_account_id, campaign_id)
    if found is None:
        raise Refused(NOT_FOUND, "Campaign not found")
    return found


router = Router(
    "/campaigns",
    route_handlers=[
        list_campaigns,
        create_campaign,
        get_campaign,
        upload_targets,
        order_campaign,
        list_targets,
        get_results,
    ],
    tags=["Campaigns"],
)
