"""``/admin/v1``: the operator's own API, for sub-accounts and API keys kept in the store.

Sub-accounts and keys of the configuration file are listed here too, but only the file changes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from offhook import config
from offhook.clock import iso_milliseconds, new_id
from offhook.config.areas import area_problem
from offhook.http.deps import Deps
from offhook.http.edge.access import SUB_ACCOUNT_ID
from offhook.http.refusals import CONFLICT, INVALID, NOT_FOUND, Refused
from offhook.http.resources.calling_windows import CallingWindowBody, hours_of, windows_of
from offhook.http.resources.number_assignments import refuse_owned
from offhook.http.resources.number_bodies import NumberBody, body_of, number_of
from offhook.http.resources.opt_out_settings import OptOutBody, body_of_settings, settings_of
from offhook.http.resources.params import CONFLICTS, parse_time, tenancy_changed
from offhook.http.resources.session_views import OK_CODE, OK_MESSAGE, View
from offhook.session.api_keys import key_digest, new_api_key
from offhook.session.calling_hours import OutsideHours
from offhook.session.last_resort_callflow import (
    InvalidLastResort,
    document_of_last_resort,
    read_last_resort,
)
from offhook.session.ports.record import KeyRecord
from offhook.session.scopes import ALL_SCOPES, Scope
from offhook.session.spending import budget_of
from offhook.session.tenancy import KeyGrant, SubAccount
from offhook.session.usage_totals import amount

LONGEST_OVERLAP = 7 * 86_400

SubAccountId = Annotated[str, PathParameter(name="subAccountId", max_length=50)]
KeyId = Annotated[str, PathParameter(name="keyId", max_length=64)]


class SubAccountBody(View, frozen=True, kw_only=True):
    """What the operator decides about a sub-account."""

    account_id: config.Name
    numbers: Annotated[list[NumberBody], msgspec.Meta(max_length=10_000)] = msgspec.field(
        default_factory=list
    )
    caller_ids: Annotated[list[config.CallerId], msgspec.Meta(max_length=10_000)] = msgspec.field(
        default_factory=list
    )
    coverage: Annotated[list[config.Area], msgspec.Meta(max_length=500)] | None = None
    """Countries or prefixes; absent: everywhere a route leads."""
    max_calls: config.Count | None = None
    cps: config.Rate | None = None
    withheld_caller_id: bool = False
    dtmf_event_data: Literal["object", "string"] | None = None
    """How webhooks carry captured digits; absent: ``object``."""
    daily_minutes: config.Count | None = None
    """Billed minutes it may spend a day (UTC); absent: no limit."""
    daily_cost: config.Money | None = None
    """What it may spend a day, in the currency of the rates; absent: no limit."""
    calling_hours: Annotated[list[CallingWindowBody], msgspec.Meta(max_length=50)] = msgspec.field(
        default_factory=list
    )
    """Empty: at any time."""
    outside_hours: OutsideHours = OutsideHours.QUEUE
    """Whether callflows outside of the calling hours wait, or end ``ERROR`` -2010."""
    last_resort: dict[str, Any] | None = None
    """``{"callflow": […]}`` of say, playFile and hangup: heard when the VCA webhook did not answer."""
    opt_out: OptOutBody | None = None
    """How called persons opt out of voice messages; absent: they cannot, and no list counts."""


class SubAccountView(SubAccountBody, frozen=True, kw_only=True):
    """A sub-account as it stands."""

    sub_account_id: str


class SubAccountAnswer(SubAccountView, frozen=True, kw_only=True):
    """One sub-account."""

    status_code: int
    status_message: str


class SubAccountList(View, frozen=True, kw_only=True):
    """All sub-accounts."""

    sub_accounts: list[SubAccountView]
    status_code: int
    status_message: str


class KeyRequest(View, frozen=True, kw_only=True):
    """A key to be made."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    account_id: config.Name
    sub_account_ids: (
        Annotated[list[config.SubAccountId], msgspec.Meta(min_length=1, max_length=1000)] | None
    ) = None
    """Absent: every sub-account of the account."""
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)] | None = None
    """Absent: everything."""
    expires_at: str | None = None
    """ISO 8601; absent: never."""


class RotateRequest(View, frozen=True, kw_only=True):
    """How a key is replaced."""

    overlap_seconds: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_OVERLAP)] = 0
    """How long the old one still works."""


class KeyView(View, frozen=True, kw_only=True):
    """A key without its secret."""

    key_id: str
    name: str
    account_id: str
    sub_account_ids: list[str] | None = None
    scopes: list[str]
    created_at: str
    expires_at: str | None = None
    last_used_at: str | None = None
    revoked_at: str | None = None


class KeyList(View, frozen=True, kw_only=True):
    """All stored keys, revoked and expired ones included."""

    keys: list[KeyView]
    status_code: int
    status_message: str


class KeyMade(View, frozen=True, kw_only=True):
    """A new key: the only answer that shows it."""

    key: str
    key_id: str
    status_code: int
    status_message: str


class AdminDone(View, frozen=True, kw_only=True):
    """It was done."""

    status_code: int
    status_message: str


@get("/subaccounts", operation_id="listSubAccounts", summary="List the sub-accounts")
async def list_sub_accounts(deps: NamedDependency[Deps]) -> SubAccountList:
    """Those of the configuration file included."""
    known = sorted(deps.directory.sub_accounts(), key=lambda each: each.sub_account_id)
    return SubAccountList(
        sub_accounts=[SubAccountView(**_fields(each)) for each in known],
        status_code=OK_CODE,
        status_message=OK_MESSAGE,
    )


@get(
    "/subaccounts/{subAccountId:str}",
    operation_id="getSubAccount",
    summary="Show a sub-account",
)
async def get_sub_account(
    deps: NamedDependency[Deps], sub_account_id: SubAccountId
) -> SubAccountAnswer:
    """404 where there is none."""
    return _answer(_known(deps, sub_account_id))


def _check_areas(coverage: Iterable[str]) -> None:
    for position, area in enumerate(coverage):
        if (wrong := area_problem(area)) is not None:
            raise Refused(INVALID, f"coverage[{position}]: {wrong}")


@put(
    "/subaccounts/{subAccountId:str}",
    operation_id="putSubAccount",
    responses=CONFLICTS,
    summary="Create or replace a sub-account",
)
async def put_sub_account(
    deps: NamedDependency[Deps], sub_account_id: SubAccountId, data: JSONBody[SubAccountBody]
) -> SubAccountAnswer:
    """Webhooks and scenarios set by the customer stay."""
    if not SUB_ACCOUNT_ID.fullmatch(sub_account_id):
        raise Refused(INVALID, "subAccountId: must be 3 to 50 of letters, digits, - . _ &")
    _refuse_file(deps, sub_account_id)
    _check_areas(data.coverage or ())
    refuse_owned(deps, sub_account_id, tuple(each.msisdn for each in data.numbers))
    before = deps.directory.sub_account(sub_account_id)
    sub_account = SubAccount(
        sub_account_id=sub_account_id,
        account_id=data.account_id,
        numbers=tuple(
            number_of(each.msisdn, each, f"numbers[{position}].")
            for position, each in enumerate(data.numbers)
        ),
        caller_ids=frozenset(data.caller_ids),
        coverage=tuple(data.coverage) if data.coverage is not None else None,
        max_calls=data.max_calls,
        cps=data.cps,
        withheld_caller_id=data.withheld_caller_id,
        dtmf_event_data=data.dtmf_event_data or "object",
        budget=budget_of(data.daily_minutes, data.daily_cost),
        calling_hours=hours_of(data.calling_hours, data.outside_hours),
        last_resort=_last_resort(data.last_resort),
        opt_out=await settings_of(deps, data.opt_out, before.opt_out if before else None),
    )
    await deps.store.put_sub_account(sub_account)
    await tenancy_changed(deps)
    return _answer(sub_account)


@delete(
    "/subaccounts/{subAccountId:str}",
    status_code=200,
    operation_id="deleteSubAccount",
    responses=CONFLICTS,
    summary="Delete a sub-account",
)
async def delete_sub_account(
    deps: NamedDependency[Deps], sub_account_id: SubAccountId
) -> AdminDone:
    """Its records stay; its keys open nothing any more."""
    _refuse_file(deps, sub_account_id)
    if not await deps.store.delete_sub_account(sub_account_id):
        raise Refused(NOT_FOUND, "Sub-account not found")
    await tenancy_changed(deps)
    return AdminDone(status_code=OK_CODE, status_message="deleted")


@get("/keys", operation_id="listKeys", summary="List the API keys, without their secrets")
async def list_keys(deps: NamedDependency[Deps]) -> KeyList:
    """Revoked and expired ones included."""
    keys = [_key_view(each) for each in await deps.store.list_keys()]
    return KeyList(keys=keys, status_code=OK_CODE, status_message=OK_MESSAGE)


@post("/keys", operation_id="createKey", summary="Make an API key; shown once")
async def create_key(deps: NamedDependency[Deps], data: JSONBody[KeyRequest]) -> KeyMade:
    """The store keeps only its hash."""
    expires_at = parse_time("expiresAt", data.expires_at, deps.clock.now())
    if expires_at is not None and expires_at <= deps.clock.now():
        raise Refused(INVALID, "expiresAt: lies in the past")
    grant = KeyGrant(
        key_id=new_id(),
        account_id=data.account_id,
        sub_account_ids=frozenset(data.sub_account_ids) if data.sub_account_ids else None,
        scopes=frozenset(data.scopes or (ALL_SCOPES,)),
        expires_at=expires_at,
    )
    return await _make_key(deps, grant, data.name)


@delete("/keys/{keyId:str}", status_code=200, operation_id="revokeKey", summary="Revoke a key")
async def revoke_key(deps: NamedDependency[Deps], key_id: KeyId) -> AdminDone:
    """It opens nothing from now on."""
    if not await deps.store.revoke_key(key_id, deps.clock.now()):
        raise Refused(NOT_FOUND, "No such key in force")
    await tenancy_changed(deps)
    return AdminDone(status_code=OK_CODE, status_message="revoked")


@post(
    "/keys/{keyId:str}/rotate",
    operation_id="rotateKey",
    summary="Replace a key by a new one that opens the same",
)
async def rotate_key(
    deps: NamedDependency[Deps], key_id: KeyId, data: JSONBody[RotateRequest]
) -> KeyMade:
    """The old one is revoked, at once or after ``overlapSeconds``."""
    now = deps.clock.now()
    in_force = {grant.key_id: (digest, grant) for digest, grant in await deps.store.keys()}
    names = {each.grant.key_id: each.name for each in await deps.store.list_keys()}
    if key_id not in in_force:
        raise Refused(NOT_FOUND, "No such key in force")
    digest, grant = in_force[key_id]
    successor = msgspec.structs.replace(grant, key_id=new_id())
    made = await _make_key(deps, successor, names[key_id])
    if data.overlap_seconds:
        end = now + timedelta(seconds=data.overlap_seconds)
        end = min(end, grant.expires_at) if grant.expires_at is not None else end
        ending = msgspec.structs.replace(grant, expires_at=end)
        await deps.store.put_key(digest, ending, names[key_id], now)
    else:
        await deps.store.revoke_key(key_id, now)
    await tenancy_changed(deps)
    return made


async def _make_key(deps: Deps, grant: KeyGrant, name: str) -> KeyMade:
    key = new_api_key()
    await deps.store.put_key(key_digest(key), grant, name, deps.clock.now())
    await tenancy_changed(deps)
    return KeyMade(key=key, key_id=grant.key_id, status_code=OK_CODE, status_message=OK_MESSAGE)


def _last_resort(document: dict[str, Any] | None) -> str | None:
    try:
        return None if document is None else read_last_resort(document)
    except InvalidLastResort as error:
        raise Refused(INVALID, f"lastResort.{error}") from None


def _known(deps: Deps, sub_account_id: str) -> SubAccount:
    sub_account = deps.directory.sub_account(sub_account_id)
    if sub_account is None:
        raise Refused(NOT_FOUND, "Sub-account not found")
    return sub_account


def _refuse_file(deps: Deps, sub_account_id: str) -> None:
    if deps.directory.in_file(sub_account_id):
        raise Refused(CONFLICT, "The sub-account is part of the configuration file")


def _answer(sub_account: SubAccount) -> SubAccountAnswer:
    return SubAccountAnswer(**_fields(sub_account), status_code=OK_CODE, status_message=OK_MESSAGE)


def _fields(sub_account: SubAccount) -> dict[str, Any]:
    hours, budget = sub_account.calling_hours, sub_account.budget
    return {
        "sub_account_id": sub_account.sub_account_id,
        "account_id": sub_account.account_id,
        "numbers": [body_of(each) for each in sub_account.numbers],
        "caller_ids": sorted(sub_account.caller_ids),
        "coverage": list(sub_account.coverage) if sub_account.coverage is not None else None,
        "max_calls": sub_account.max_calls,
        "cps": sub_account.cps,
        "withheld_caller_id": sub_account.withheld_caller_id,
        "dtmf_event_data": sub_account.dtmf_event_data,
        "daily_minutes": budget.daily_minutes if budget is not None else None,
        "daily_cost": amount(budget.daily_cost)
        if budget is not None and budget.daily_cost is not None
        else None,
        "calling_hours": windows_of(hours),
        "last_resort": None
        if sub_account.last_resort is None
        else document_of_last_resort(sub_account.last_resort),
        "opt_out": body_of_settings(sub_account.opt_out),
        "outside_hours": hours.outside if hours is not None else OutsideHours.QUEUE,
    }


def _key_view(key: KeyRecord) -> KeyView:
    grant = key.grant
    return KeyView(
        key_id=grant.key_id,
        name=key.name,
        account_id=grant.account_id,
        sub_account_ids=None if grant.sub_account_ids is None else sorted(grant.sub_account_ids),
        scopes=sorted(grant.scopes),
        created_at=iso_milliseconds(key.created_at),
        expires_at=_time(grant.expires_at),
        last_used_at=_time(key.last_used_at),
        revoked_at=_time(key.revoked_at),
    )


def _time(at: datetime | None) -> str | None:
    return iso_milliseconds(at) if at is not None else None


router = Router(
    "/admin/v1",
    route_handlers=[
        list_sub_accounts,
        get_sub_account,
        put_sub_account,
        delete_sub_account,
        list_keys,
        create_key,
        revoke_key,
        rotate_key,
    ],
    tags=["Administration"],
)
