"""``offhook numbers``: the virtual numbers of a sub-account, through a running server."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from cyclopts import App, Parameter

from offhook.commands.common import DEMO, FAILED, OK, Json, emit, table
from offhook.commands.help_examples import epilogue
from offhook.commands.server_options import OPERATOR, SERVER, Operator, Server, SubAccount
from offhook.commands.times import local

numbers = App(
    name="numbers",
    help="The virtual numbers of a sub-account.",
    help_epilogue=epilogue("numbers"),
)

Number = Annotated[str, Parameter(help="With its country code.")]


@numbers.command(name="list", help_epilogue=epilogue("numbers list"))
def numbers_list(
    *,
    server: Server = SERVER,
    json: Json = False,
) -> None:
    """List the numbers with their prices, status and health; times are local."""
    answer = server.client().get("/numbers")
    rows = [
        (
            each["msisdn"],
            each.get("countryCode", ""),
            each["numberType"],
            each["operationalStatus"],
            each["numberHealth"]["status"],
            f"{each['incomingRate']:g} {each['billingCurrency']}",
            each.get("referenceId", ""),
            local(each["dateUpdated"]),
        )
        for each in answer["numbers"]
    ]
    heads = ("NUMBER", "COUNTRY", "TYPE", "STATUS", "HEALTH", "A MINUTE", "REFERENCE", "CHANGED")
    emit(json, answer, table(heads, rows) if rows else "The sub-account has no numbers.")


@numbers.command(name="check", help_epilogue=epilogue("numbers check"))
def numbers_check(
    number: Number,
    *,
    server: Server = SERVER,
    json: Json = False,
) -> int:
    """Show one number and its health; exit code 1 when it is not healthy."""
    answer = server.client().get(f"/numbers/{quote(number, safe='')}")
    shown = answer["payload"]
    health = shown["numberHealth"]
    text = f"{shown['msisdn']} is {shown['operationalStatus']}, {health['status']}"
    checked = health.get("lastCheckedTime")
    emit(json, answer, f"{text} (last checked {local(checked)})." if checked else f"{text}.")
    return OK if health["isHealthy"] else FAILED


@numbers.command(name="assign", help_epilogue=epilogue("numbers assign"))
def numbers_assign(
    number: Number,
    *,
    subaccount: SubAccount = DEMO,
    reference_id: Annotated[str | None, Parameter(help="As webhooks show it.")] = None,
    active: Annotated[bool, Parameter(help="Whether it may be used.")] = True,
    record_inbound: Annotated[
        bool, Parameter(negative=(), help="Record every session that begins with a call to it.")
    ] = False,
    number_type: Annotated[
        Literal["FIXED_LINE", "MOBILE", "TOLL_FREE", "PREMIUM_RATE", "SHARED_COST", "VOIP"] | None,
        Parameter(help="Absent: as the numbering plan of its country says."),
    ] = None,
    expires: Annotated[
        str | None, Parameter(help="The first day on which it is not the sub-account's any more.")
    ] = None,
    rental_price: Annotated[str, Parameter(help="For a month, such as 1.50.")] = "0",
    incoming_rate: Annotated[
        str | None, Parameter(help="For a minute of a call to it; absent: that of the rates.")
    ] = None,
    billing_unit: Annotated[int | None, Parameter(help="Seconds; absent: of the rates.")] = None,
    currency: Annotated[str | None, Parameter(help="Absent: that of the rates.")] = None,
    trunk: Annotated[str | None, Parameter(help="Absent: by the route to it.")] = None,
    health_check: Annotated[bool, Parameter(help="Whether its trunk's state counts.")] = True,
    test_call_every: Annotated[
        int | None, Parameter(help="Seconds between two test calls; absent: none.")
    ] = None,
    unverified_callers: Annotated[
        Literal["accept", "refuse_failed", "refuse"],
        Parameter(help="Calls to it whose caller STIR/SHAKEN does not vouch for."),
    ] = "accept",
    operator: Operator = OPERATOR,
    json: Json = False,
) -> None:
    """Give a number to a sub-account, or change all its settings; for the operator."""
    settings: dict[str, object] = {
        "referenceId": reference_id,
        "active": active,
        "recordInbound": record_inbound,
        "numberType": number_type,
        "expires": expires,
        "rentalPrice": rental_price,
        "incomingRate": incoming_rate,
        "billingUnit": billing_unit,
        "billingCurrency": currency,
        "trunk": trunk,
        "healthCheck": health_check,
        "testCallEvery": test_call_every,
        "unverifiedCallers": unverified_callers,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    answer = operator.client().put(_path(subaccount, number), given)
    emit(json, answer, f"{answer['msisdn']} is a number of {subaccount}.")


@numbers.command(name="withdraw", help_epilogue=epilogue("numbers withdraw"))
def numbers_withdraw(
    number: Number,
    *,
    subaccount: SubAccount = DEMO,
    operator: Operator = OPERATOR,
    json: Json = False,
) -> None:
    """Take a number from a sub-account; for the operator. Calls to it are refused from now on."""
    answer = operator.client().delete(_path(subaccount, number))
    emit(json, answer, f"{answer['msisdn']} is no number of {subaccount} any more.")


def _path(sub_account: str, number: str) -> str:
    return f"/subaccounts/{quote(sub_account, safe='')}/numbers/{quote(number, safe='')}"
