"""The outcome of one action."""

from __future__ import annotations

import msgspec

from offhook.codes import CallStatus


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a step, for the runner and the decision point."""

    note: str
    """In a word or two, for the timeline."""
    digits: str | None = None
    """The digits of a sayAndCapture; None: no digits, or another action."""
    bridge: CallStatus | None = None
    """How leg B ended, where the action was a makeCall that dialled one."""

    @property
    def bridge_failed(self) -> bool:
        """Whether a leg B was dialled and never answered."""
        return self.bridge is not None and self.bridge is not CallStatus.COMPLETED


NOTHING = Outcome(note="nothing")
"""The outcome of a list without actions."""
