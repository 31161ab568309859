"""The lists of campaigns: numbers that are uploaded, shown, and written as CSV with their results."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.exceptions import InternalServerException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from offhook.http.deps import Deps
from offhook.http.edge.access import Caller
from offhook.http.edge.body import ClientGone
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.campaign_csv import results_csv
from offhook.http.resources.campaign_views import (
    TargetList,
    UploadAnswer,
    target_view,
)
from offhook.http.resources.params import CONFLICTS, AnyRequest, needs
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE
from offhook.session.campaign import (
    Campaign,
    NewTarget,
    TargetState,
)
from offhook.session.ports.campaign_records import TargetFilter
from offhook.session.scopes import Scope
from offhook.session.target_lists import (
    MOST_PROBLEMS,
    Entry,
    ListProblem,
    UnreadableList,
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
OnlyState = Annotated[
    TargetState | None,
    QueryParameter(name="targetState", description="Only numbers in this state"),
]


@dataclass
class ListUpload(Operation):
    """The operation that takes a list."""

    request_body: RequestBody | None = field(
        default_factory=lambda: RequestBody(
            required=True,
            content={
                "text/csv": OpenAPIMediaType(
                    schema=Schema(
                        type=OpenAPIType.STRING,
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
    campaign = await campaign_of(deps, caller, campaign_id)
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
    if added:
        deps.fabric.publish("campaigns")
    return UploadAnswer(
        campaign_id=campaign.campaign_id,
        added=added,
        duplicates=duplicates,
        rejected=rejected,
        problems=problems,
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


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
    target_state: OnlyState = None,
    outcome: Annotated[
        str | None,
        QueryParameter(
            pattern="^[A-Z_]{1,32}$",
            description="a final status such as `NO_ANSWER`: only numbers whose last session ended so",
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        QueryParameter(pattern="^[0-9]{1,18}$", description="`nextCursor` of the page before"),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> TargetList:
    """In the order of the list."""
    await campaign_of(deps, caller, campaign_id)
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
    target_state: OnlyState = None,
) -> Stream:
    """A line for each number, in the order of the list; at any time."""
    await campaign_of(deps, caller, campaign_id)
    return Stream(
        results_csv(deps.store, campaign_id, TargetFilter(state=target_state)),
        media_type="text/csv",
        headers={
            "content-disposition": f'attachment; filename="campaign-{campaign_id}.csv"',
            "cache-control": "no-store",
        },
    )


async def campaign_of(deps: Deps, caller: Caller, campaign_id: str) -> Campaign:
    """The campaign of the caller's sub-account with this id, or 404."""
    found = await deps.store.campaign(caller.sub_account.sub_account_id, campaign_id)
    if found is None:
        raise Refused(NOT_FOUND, "Campaign not found")
    return found
