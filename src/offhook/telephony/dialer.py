"""Dials calls: implements the session's telephony port."""

from __future__ import annotations

from typing import final

from offhook.session.ports.telephony import DialOrder, MayUse, Ringing, Telephony
from offhook.telephony.line import Line
from offhook.telephony.outgoing import OutgoingCall


@final
class Dialer(Telephony):
    """Makes calls on one line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def dial(self, order: DialOrder, on_ringing: Ringing, may_use: MayUse) -> OutgoingCall:
        call = OutgoingCall(self._line, order, on_ringing, may_use)
        call.start()
        return call

    def is_down(self, trunk: str) -> bool:
        known = self._line.trunks.get(trunk)
        return known is not None and self._line.health.avoided(
            trunk, asked_by_options=known.options_every > 0
        )
