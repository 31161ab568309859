"""The limit of file descriptors of a process, and the number of sessions that fit into it.

A process that runs out of descriptors fails in unexpected places: an import, the resolver, the
database. So each process raises its soft limit to the hard one when it starts, and a voice worker claims
only as many sessions as it has descriptors for.
"""

from __future__ import annotations

import sys

RESERVED = 64
"""Descriptors of a voice worker that no session accounts for: the event loop, the database, the fabric,
SIP, the log, the speech workers' pipes (about 45 with everything idle)."""
PER_SESSION = 5
"""The RTP and RTCP sockets of two legs, and one more: a question to a webhook or a file being fetched."""
UNLIMITED = 1 << 20
"""The value that counts as no limit; it is the maximum of Linux unless configured otherwise."""


def raise_limit() -> int:
    """Raise this process's soft limit to the hard one; returns the limit that is in force now."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = UNLIMITED if hard == resource.RLIM_INFINITY else hard
    # macOS reports no hard limit and still refuses more than OPEN_MAX (10,240).
    for value in (wanted, min(wanted, 10_240)):
        if soft == resource.RLIM_INFINITY or soft >= value:
            break
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (value, hard))
        except (ValueError, OSError):
            continue
        return value
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def limit() -> int:
    """The soft limit of this process."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def sessions_within(descriptors: int) -> int:
    """Sessions that a voice worker with so many descriptors may run at once; at least one."""
    return max(1, (descriptors - RESERVED) // PER_SESSION)
