"""``offhook keys``: API keys kept in the database."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from offhook.commands.common import DEMO, OK, CommandError, Config, Json, emit, table
from offhook.commands.help_examples import epilogue

keys = App(name="keys", help="API keys kept in the database.", help_epilogue=epilogue("keys"))


@keys.command(name="create", help_epilogue=epilogue("keys create"))
def keys_create(
    *,
    account: Annotated[str, Parameter(help="The account it opens.")] = DEMO,
    subaccount: Annotated[
        tuple[str, ...],
        Parameter(
            name="--subaccount",
            negative=(),
            help="Only these of the account; absent: all.",
            show_default=False,
        ),
    ] = (),
    scope: Annotated[
        tuple[str, ...],
        Parameter(negative=(), help="Only these scopes; absent: all.", show_default=False),
    ] = (),
    name: Annotated[str, Parameter(help="What it is for.", show_default=False)] = "",
    days: Annotated[int | None, Parameter(help="Days until it expires; absent: never.")] = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Make an API key and print it, this once: the database keeps only its hash."""
    from offhook.commands import key_admin

    made = key_admin.create(
        config, account=account, sub_accounts=subaccount, scopes=scope, name=name, days=days
    )
    emit(json, made, f"{made['apiKey']}\n(id {made['id']}; shown only now)")


@keys.command(name="list", help_epilogue=epilogue("keys list"))
def keys_list(*, config: Config = None, json: Json = False) -> None:
    """List the keys of the database, without their secrets; times are local."""
    from offhook.commands import key_admin
    from offhook.commands.times import local

    found = key_admin.listed(config)
    heads = (
        "ID",
        "NAME",
        "ACCOUNT",
        "SUB-ACCOUNTS",
        "SCOPES",
        "CREATED",
        "LAST USED",
        "EXPIRES",
        "REVOKED",
    )
    rows = [
        (
            key["id"],
            key["name"],
            key["account"],
            ", ".join(key["subAccounts"] or ("all",)),
            ", ".join(key["scopes"]),
            *(
                local(key[moment]) if key[moment] is not None else ""
                for moment in ("created", "lastUsed", "expires", "revoked")
            ),
        )
        for key in found
    ]
    text = table(heads, rows)
    emit(json, {"keys": found}, text if rows else "No keys.")


@keys.command(name="revoke", help_epilogue=epilogue("keys revoke"))
def keys_revoke(
    key: Annotated[str, Parameter(help="Its id.")], *, config: Config = None, json: Json = False
) -> int:
    """Revoke a key; running servers refuse it within a second."""
    from offhook.commands import key_admin

    if not key_admin.revoke(config, key):
        raise CommandError(f"there is no key with the id {key}")
    emit(json, {"revoked": key}, f"Key {key} is revoked.")
    return OK
