"""Stored menus in a running session: which callflow follows, without a customer's server."""

from __future__ import annotations

from offhook.codes import RuntimeCode
from offhook.events import MenuFollowed
from offhook.execution.conversation import Conversation
from offhook.execution.failures import SessionFailure
from offhook.execution.steps.outcome import Outcome
from offhook.flow.actions import Callflow
from offhook.flow.context import Profiles
from offhook.flow.judge import judge_value
from offhook.flow.problems import Mode
from offhook.session.menus import Menu, facts_of_menu
from offhook.session.scenario_filling import filled
from offhook.session.session import Direction
from offhook.session.tenancy import facts_of


class MenuSteps:
    """The menu of the number that was called, if it has one."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles

    def begins(self, conversation: Conversation) -> bool:
        """Whether a menu answers the call."""
        return _menu_of(conversation) is not None

    def leads_on(self, conversation: Conversation, outcome: Outcome) -> bool:
        """Whether the table has a row for what has just happened."""
        return self._following(conversation, outcome) is not None

    def next(self, conversation: Conversation, outcome: Outcome | None) -> Callflow | None:
        """The callflow that the menu leads to; None: it has no row, so the webhook is asked.

        ``outcome``: None, where the call rings and nothing ran yet. Raises :class:`SessionFailure` -2003
        for a callflow that is no longer valid.
        """
        menu, name = _menu_of(conversation), self._following(conversation, outcome)
        conversation.menu_position = name
        if menu is None or name is None:
            return None
        conversation.record(
            MenuFollowed(
                at=conversation.services.clock.now(),
                menu=menu.name,
                callflow=name,
                digits=None if outcome is None else outcome.digits,
            )
        )
        return self._callflow(conversation, menu, name)

    def _following(self, conversation: Conversation, outcome: Outcome | None) -> str | None:
        menu = _menu_of(conversation)
        if menu is None:
            return None
        if outcome is None:
            return menu.first
        position = conversation.menu_position
        return None if position is None else menu.after(position, outcome.digits)

    def _callflow(self, conversation: Conversation, menu: Menu, name: str) -> Callflow:
        sub_account = conversation.sub_account
        if sub_account is None or name not in menu.callflows:
            detail = f"the callflow {name} of menu {menu.name} is gone"
            raise SessionFailure(RuntimeCode.INVALID_CALLFLOW, detail)
        facts = facts_of_menu(facts_of(sub_account, self._profiles))
        now = conversation.services.clock.now()
        verdict = judge_value(menu.body(name), facts, now, mode=Mode.DECISION)
        if verdict.callflow is None:
            detail = f"menu {menu.name}, callflow {name}: {verdict.summary}"
            code = verdict.runtime_code or RuntimeCode.INVALID_CALLFLOW
            raise SessionFailure(code, detail)
        callflow = filled(verdict.callflow, sub_account, self._profiles, now, mode=Mode.DECISION)
        if callflow.error is not None:
            raise SessionFailure(callflow.error.code, callflow.error.detail)
        return callflow


def _menu_of(conversation: Conversation) -> Menu | None:
    leg = conversation.session.legs[0]
    sub_account = conversation.sub_account
    if sub_account is None or leg.direction is not Direction.INBOUND:
        return None
    return sub_account.menu_of(leg.destination)
