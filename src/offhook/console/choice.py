"""Which sub-accounts a page is about."""

from __future__ import annotations

from typing import NamedTuple

from offhook.console.sign_ins import Visitor
from offhook.console.web import Forbidden, NotFound, WebRequest, asked, visitor_of
from offhook.session.scopes import Scope
from offhook.session.tenancy import SubAccount


class Choice(NamedTuple):
    """What the address chooses of what the visitor may see."""

    visitor: Visitor
    account: str
    """A sub-account's id; '': all."""
    owners: tuple[str, ...]
    """The ids, for the store."""


def choice_of(request: WebRequest, scope: Scope = Scope.SESSIONS_READ) -> Choice:
    """The choice. Raises NotFound for a sub-account of another account, Forbidden without the scope."""
    visitor = visitor_of(request)
    if not visitor.may(scope):
        raise Forbidden(f"Your key lacks {scope.value}")
    account = asked(request, "account", 64)
    own = tuple(one.sub_account_id for one in visitor.sub_accounts())
    if not account:
        return Choice(visitor, "", own)
    if account not in own:
        raise NotFound("There is no such sub-account, or your key does not open it")
    return Choice(visitor, account, (account,))


def one_account(request: WebRequest, scope: Scope = Scope.SETTINGS_READ) -> SubAccount | None:
    """The sub-account of a page of settings: the chosen one, else the first; None: there is none."""
    choice = choice_of(request, scope)
    own = choice.visitor.sub_accounts()
    return next((one for one in own if one.sub_account_id in choice.owners), None)
