"""What came of one action."""

from __future__ import annotations

import msgspec

from offhook.codes import CallStatus


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a step returns; the runner and the decision point go on by it."""

    note: str
    """In a word or two, for the timeline."""
    digits: str | None = None
    """What a sayAndCapture caught; None: nothing, or it was another action."""
    bridge: CallStatus | None = None
    """How leg B ended, where the action was a makeCall that dialled one."""

    @property
    def bridge_failed(self) -> bool:
        """Whether a leg B was dialled and never answered."""
        return self.bridge is not None and self.bridge is not CallStatus.COMPLETED


NOTHING = Outcome(note="nothing")
"""Of a list without actions."""
