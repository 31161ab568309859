"""``/campaigns``: one callflow for a list of numbers (:mod:`offhook.session.campaign`)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook.clock import new_id
from offhook.flow.scenarios import ScenarioFailed
from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.refusals import CONFLICT, INVALID, Refused
from offhook.http.resources.calling_windows import hours_of
from offhook.http.resources.campaign_lists import (
    CHUNK,
    CampaignId,
    campaign_of,
    get_results,
    list_targets,
    upload_targets,
)
from offhook.http.resources.campaign_views import (
    CampaignAnswer,
    CampaignList,
    CampaignRequest,
    TargetBody,
    campaign_answer,
    campaign_view,
    rules_of,
)
from offhook.http.resources.params import CONFLICTS, Cursor, PageSize, needs, page_of
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE
from offhook.session.calling_hours import OutsideHours
from offhook.session.campaign import (
    Campaign,
    CampaignOrder,
    CampaignState,
    NewTarget,
)
from offhook.session.campaign_templates import UnfitTemplate, callflow_of, template_of
from offhook.session.scopes import Scope
from offhook.session.target_lists import (
    MOST_PROBLEMS,
    ListProblem,
    entries,
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
    cursor: Cursor = None,
    limit: PageSize = 50,
) -> CampaignList:
    """Each with its progress."""
    owner = caller.sub_account.sub_account_id
    found, following = await page_of(deps.store.campaigns(owner, cursor=cursor, limit=limit))
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
    template: dict[str, object] = {"callflow": data.callflow}
    if data.client_request_id is not None:
        template["clientRequestId"] = data.client_request_id
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
    campaign = await campaign_of(deps, caller, campaign_id)
    return campaign_answer(campaign, await deps.store.campaign_counts(campaign_id))


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
    campaign = await campaign_of(deps, caller, campaign_id)
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
