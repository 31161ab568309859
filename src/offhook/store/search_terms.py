"""Search terms of sessions besides status and time: rows of ``session_terms``.

A session that is accepted has the numbers of its first call and the customer's ids. Later states add
the numbers of further legs and the SIP codes of legs that were answered or ended. So most saves add
nothing, and all rows of a session follow from its last state: retention deletes them by that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from offhook.flow.actions import MakeCall
from offhook.session.ports.record import SessionFilter
from offhook.session.session import Leg, Session
from offhook.store.documents import micros


class TermRow(NamedTuple):
    """A row of ``session_terms``."""

    sub_account_id: str
    term: str
    created_at: int
    session_id: str


def wanted_terms(chosen: SessionFilter) -> list[str]:
    """The terms that a filter asks for, the most selective first."""
    wanted = [
        ("request", chosen.client_request_id),
        ("batch", chosen.client_batch_id),
        ("number", chosen.number),
        ("sip", chosen.sip_code),
    ]
    return [f"{kind}:{value}" for kind, value in wanted if value is not None]


def first_terms(session: Session) -> list[TermRow]:
    """The terms of a session that is accepted, or that began with a call from outside."""
    terms = [term for leg in session.legs for term in _numbers(leg)]
    first = session.callflow.actions[0] if session.callflow.actions else None
    if isinstance(first, MakeCall):
        terms += [f"number:{first.source}", f"number:{first.destination}"]
    if session.client_request_id is not None:
        terms.append(f"request:{session.client_request_id}")
    if session.client_batch_id is not None:
        terms.append(f"batch:{session.client_batch_id}")
    return _rows(session, terms)


def later_terms(session: Session) -> list[TermRow]:
    """The terms that the next state of a session adds."""
    if len(session.legs) == 1 and session.legs[0].sip_code is None:
        return []
    terms = [term for leg in session.legs[1:] for term in _numbers(leg)]
    terms += [f"sip:{leg.sip_code}" for leg in session.legs if leg.sip_code is not None]
    return _rows(session, terms)


def all_terms(session: Session) -> list[TermRow]:
    """Every row of a session."""
    return list(dict.fromkeys([*first_terms(session), *later_terms(session)]))


def _numbers(leg: Leg) -> list[str]:
    return [f"number:{leg.source}", f"number:{leg.destination}"]


def _rows(session: Session, terms: Iterable[str]) -> list[TermRow]:
    created_at = micros(session.created_at)
    return [
        TermRow(session.sub_account_id, term, created_at, session.session_id)
        for term in dict.fromkeys(terms)
    ]
