"""Write docs/sip-state-machines.md from the tables in the code: ``python scripts/sip_state_machines.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offhook.sip.call_states import DIALOG, INBOUND_CALL, OUTBOUND_CALL
from offhook.sip.machine import StateMachine
from offhook.sip.transactions import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
)

PAGE = Path(__file__).parents[1] / "docs" / "sip-state-machines.md"
MACHINES: tuple[StateMachine[Any, Any], ...] = (
    INVITE_CLIENT,
    NON_INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_SERVER,
    DIALOG,
    OUTBOUND_CALL,
    INBOUND_CALL,
)

HEAD = """# SIP state machines

Made from the tables in `src/offhook/sip/transactions.py` and `src/offhook/sip/call_states.py` by
`scripts/sip_state_machines.py`. Do not edit: change the tables and run the script; a test compares. An
event that a state does not name raises `IllegalEvent`.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for machine in MACHINES:
        title = machine.name[0].upper() + machine.name[1:]
        parts.append(f"## {title}\n\n{machine.source}\n\n```mermaid\n{machine.diagram()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
