"""Which of several workers behind one SIP address a datagram is for. Pure.

Every token that a worker makes begins with its mark: the tags and the branches of its messages. A peer
sends them back, so a response names its worker in the branch of its Via, and a request inside a dialog in the
tag of its To (RFC 3261 §12.2.1.1, §18.1.2). All that has neither (an INVITE, its repetition, its CANCEL) has
the same Call-ID, and goes by that.

This looks for three fields in a datagram of any content, in time that grows linearly with it. It judges
nothing: a message that is no SIP goes to some worker, whose parser drops it.
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict
from collections.abc import Collection
from typing import Final, NamedTuple, final

MOST_WORKERS: Final = 256
_MOVED: Final = 10_000
"""Calls that went to another worker than their Call-ID says, of which that is remembered."""

_BRANCH = re.compile(rb"branch=z9hG4bKw([0-9a-f]{2})-", re.IGNORECASE)
_TO_TAG = re.compile(
    rb"^(?:to|t)[ \t]*:(?:[^\r\n]|\r?\n[ \t])*?;[ \t]*tag[ \t]*=[ \t]*w([0-9a-f]{2})-",
    re.IGNORECASE | re.MULTILINE,
)
_CALL_ID = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*([^\s]+)", re.IGNORECASE | re.MULTILINE)


def mark_of(worker: int) -> str:
    """How the tags and branches of ``worker``, 0..255, begin."""
    return f"w{worker:02x}-"


class Route(NamedTuple):
    """What a datagram says about its worker."""

    worker: int | None
    """The worker that made its tag or branch; None: no worker has."""
    call_id: bytes
    response: bool


def route_of(datagram: bytes) -> Route:
    """The fields of a datagram that decide."""
    end = datagram.find(b"\r\n\r\n")
    head = datagram if end < 0 else datagram[:end]
    response = head[:4] == b"SIP/"
    mark = (_BRANCH if response else _TO_TAG).search(head)
    if mark is not None:
        return Route(int(mark[1], 16), b"", response)
    call_id = _CALL_ID.search(head)
    return Route(None, call_id[1] if call_id is not None else b"", response)


@final
class Distribution:
    """Decides for each datagram, given which workers live."""

    def __init__(self, workers: int) -> None:
        """``workers``: how many there are when all live, 1..256."""
        self._workers = workers
        self._moved: OrderedDict[bytes, int] = OrderedDict()
        """The worker of each new call whose own worker did not live."""

    def worker_for(self, datagram: bytes, living: Collection[int]) -> int | None:
        """The living worker for ``datagram``; None: nobody can use it.

        A request inside a dialog of a dead worker goes to another, which answers that the call is not
        there (481), so that the peer hangs up too.
        """
        worker, call_id, response = route_of(datagram)
        if worker is not None:
            if worker in living:
                return worker
            call_id = b""
        if response or not living:
            return None
        return self._by_call_id(call_id, living)

    def _by_call_id(self, call_id: bytes, living: Collection[int]) -> int:
        moved = self._moved.get(call_id)
        if moved is not None and moved in living:
            return moved
        number = zlib.crc32(call_id)
        usual = number % self._workers
        if usual in living:
            return usual
        others = sorted(living)
        worker = others[number // self._workers % len(others)]
        if call_id:
            # Its CANCEL must follow it also when the usual worker lives again.
            self._moved[call_id] = worker
            self._moved.move_to_end(call_id)
            if len(self._moved) > _MOVED:
                self._moved.popitem(last=False)
        return worker
