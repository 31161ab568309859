"""The operator's opt-out list service, as a simulation plays it."""

from __future__ import annotations

from typing import final

from offhook.session.ports.opt_out_lists import OptOut, OptOutService
from offhook.session.tenancy import SubAccount


@final
class ListService(OptOutService):
    """Takes every number, or none because of ``problem``."""

    def __init__(self, problem: str | None) -> None:
        self.problem = problem

    async def tell(self, sub_account: SubAccount, entry: OptOut) -> str | None:
        return self.problem
