"""The tables state × event → state: complete, closed, and the docs' diagrams are theirs."""

from __future__ import annotations

import importlib.util
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.unit.sip.wire import PEER, SDP, Wire, request

from offhook.sip.agent_core import Core
from offhook.sip.call_states import (
    DIALOG,
    INBOUND_CALL,
    OUTBOUND_CALL,
    CallEvent,
    CallState,
    DialogEvent,
    DialogState,
)
from offhook.sip.machine import IllegalEvent, StateMachine
from offhook.sip.message import Request, parse
from offhook.sip.receive import server_key
from offhook.sip.server import ServerTransaction, ServerTransactions
from offhook.sip.timers import Timers
from offhook.sip.transactions import (
    INVITE_CLIENT,
    INVITE_SERVER,
    NON_INVITE_CLIENT,
    NON_INVITE_SERVER,
    ClientEvent,
    ClientState,
    ServerEvent,
    ServerState,
)
from offhook.sip.transport import Transport

ROOT = Path(__file__).parents[3]
Machine = StateMachine[Any, Any]
EVENTS: list[tuple[Machine, type[Enum]]] = [
    (INVITE_CLIENT, ClientEvent),
    (NON_INVITE_CLIENT, ClientEvent),
    (INVITE_SERVER, ServerEvent),
    (NON_INVITE_SERVER, ServerEvent),
    (OUTBOUND_CALL, CallEvent),
    (INBOUND_CALL, CallEvent),
    (DIALOG, DialogEvent),
]
MACHINES = [machine for machine, _ in EVENTS]
IDS = [machine.name for machine in MACHINES]
NOT_THERE: dict[str, set[Enum]] = {
    INVITE_CLIENT.name: {ClientState.TRYING},
    NON_INVITE_CLIENT.name: {ClientState.CALLING, ClientState.ACCEPTED},
    INVITE_SERVER.name: {ServerState.TRYING},
    NON_INVITE_SERVER.name: {ServerState.ACCEPTED, ServerState.CONFIRMED},
    INBOUND_CALL.name: {CallState.CANCELING},
}
"""States that a machine does not have."""


def reached(machine: Machine) -> set[Enum]:
    """Every state that some sequence of events leads to."""
    found = set(machine.start)
    while more := {to for state in found for to in machine.table[state].values()} - found:
        found |= more
    return found


@pytest.mark.parametrize("machine", MACHINES, ids=IDS)
def test_every_state_is_reached_and_has_its_row(machine: Machine) -> None:
    kind: type[Enum] = type(machine.start[0])
    states: set[Enum] = set(kind) - NOT_THERE.get(machine.name, set())
    assert reached(machine) == set(machine.table) == states


@pytest.mark.parametrize("machine", MACHINES, ids=IDS)
def test_there_is_one_end_and_every_state_leads_to_it(machine: Machine) -> None:
    (end,) = [state for state, row in machine.table.items() if not row]
    kind: type[Enum] = type(end)
    assert end is list(kind)[-1]
    leading = {end}
    while (
        more := {state for state, row in machine.table.items() if set(row.values()) & leading}
        - leading
    ):
        leading |= more
    assert leading == set(machine.table)


@pytest.mark.parametrize(("machine", "events"), EVENTS, ids=IDS)
def test_an_event_that_a_state_does_not_name_is_a_bug_and_raises(
    machine: Machine, events: type[Enum]
) -> None:
    for state, row in machine.table.items():
        for event in events:
            if event in row:
                assert machine.after(state, event) is row[event]
            else:
                assert not machine.allows(state, event)
                with pytest.raises(IllegalEvent, match=f"{event.name} in state {state.name}"):
                    machine.after(state, event)


def test_no_state_of_a_call_or_a_dialog_goes_back() -> None:
    for machine in (OUTBOUND_CALL, INBOUND_CALL, DIALOG):
        for state, row in machine.table.items():
            assert all(to >= state for to in row.values())


def test_a_transaction_that_is_over_refuses_every_event() -> None:
    core = Core(transports=[Transport(PEER)], timers=Timers())
    message = parse(request())
    assert isinstance(message, Request)
    server = ServerTransaction(
        ServerTransactions(core, 9), server_key(message), message, PEER, "t"
    ).start(0.0)
    server.respond(486, 0.0)
    core.timers.run(99.0)
    assert server.state is ServerState.TERMINATED
    with pytest.raises(IllegalEvent, match="REQUEST in state TERMINATED"):
        server.retransmitted()


def test_dialogs_become_confirmed_and_end_with_their_call() -> None:
    wire = Wire()
    wire.receive(request())
    handle = wire.took()[0].handle
    call = wire.agent.call_of(handle)
    assert call is not None
    assert call.dialog is not None
    dialog = call.dialog
    states = [dialog.state]
    wire.agent.accept(handle, wire.now, SDP)
    states.append(dialog.state)
    wire.receive(request("BYE", to_tag=handle, cseq=2))
    states.append(dialog.state)
    assert states == list(DialogState)


def script() -> ModuleType:
    """The script that writes the page."""
    path = ROOT / "scripts" / "sip_state_machines.py"
    spec = importlib.util.spec_from_file_location("sip_state_machines", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_diagrams_in_the_docs_are_made_from_the_tables() -> None:
    written = script()
    assert written.PAGE.read_text() == written.page(), "run scripts/sip_state_machines.py"
    assert list(written.MACHINES) == [
        *MACHINES[:4],
        DIALOG,
        OUTBOUND_CALL,
        INBOUND_CALL,
    ]
