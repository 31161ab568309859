"""A page of the sessions of all sub-accounts: the newest of each sub-account's own page."""

from __future__ import annotations

from collections.abc import Sequence

from offhook.session.ports.record import SessionFilter
from offhook.session.ports.session_history import History
from offhook.session.session import Session
from offhook.store.cursors import cursor_at, position_of
from offhook.store.documents import micros


async def newest_of_all(
    history: History, owners: Sequence[str], chosen: SessionFilter, cursor: str | None, limit: int
) -> tuple[Sequence[Session], str | None]:
    """The page after ``cursor``, over the sub-accounts ``owners``.

    A cursor is a time and an id, so it means the same place in every sub-account's list. Each list is read
    by its own index: an index over all of them would cost every call a write.
    """
    if cursor is not None:
        position_of(cursor)  # an invalid one is refused also where there are no sessions
    found: list[Session] = []
    more = False
    for owner in owners:
        page, following = await history.sessions(owner, chosen, cursor=cursor, limit=limit)
        more = more or following is not None
        found = sorted([*found, *page], key=_place, reverse=True)
        more = more or len(found) > limit
        del found[limit:]
    return found, cursor_at(*_place(found[-1])) if more and found else None


def _place(session: Session) -> tuple[int, str]:
    return micros(session.created_at), session.session_id
