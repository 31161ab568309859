"""State machines as tables: state × event → state, as the figures of RFC 3261 draw them.

A machine holds no state of its own. Its owner keeps the state and asks :meth:`StateMachine.after` for
the next one. An event that the table does not name in the current state is a bug of this package, and
raises :class:`IllegalEvent`. The diagrams in ``docs/sip-state-machines.md`` are made from the tables by
:meth:`StateMachine.diagram`, so they cannot differ from the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Generic, TypeVar, final

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)


class IllegalEvent(AssertionError):
    """An event that cannot happen in the current state: a bug in this package."""


@final
class StateMachine(Generic[S, E]):
    """One table. ``start`` are the states in which an owner may begin."""

    def __init__(
        self, name: str, source: str, start: Iterable[S], table: Mapping[S, Mapping[E, S]]
    ) -> None:
        self.name = name
        self.source = source
        """The RFC sections that the table comes from."""
        self.start = tuple(start)
        self.table = table
        self._next = {
            (state, event): to for state, row in table.items() for event, to in row.items()
        }

    def after(self, state: S, event: E) -> S:
        """The state that follows ``event``. Raises :class:`IllegalEvent`."""
        to = self._next.get((state, event))
        if to is None:
            raise IllegalEvent(f"{self.name}: {event.name} in state {state.name}")
        return to

    def allows(self, state: S, event: E) -> bool:
        """Whether the table names ``event`` in ``state``."""
        return (state, event) in self._next

    def diagram(self) -> str:
        """The table as a Mermaid state diagram; events of the same change share an arrow."""
        arrows: dict[tuple[S, S], list[str]] = {}
        for (state, event), to in self._next.items():
            arrows.setdefault((state, to), []).append(str(event.value))
        lines = ["stateDiagram-v2"]
        lines += [f"    [*] --> {state.name}" for state in self.start]
        lines += [
            f"    {state.name} --> {to.name}: {', '.join(labels)}"
            for (state, to), labels in arrows.items()
        ]
        lines += [f"    {state.name} --> [*]" for state, row in self.table.items() if not row]
        return "\n".join(lines)
