"""Token buckets that limit the request rate of each key, with bounded memory."""

from __future__ import annotations

from collections import OrderedDict


class RateLimiter:
    """One token bucket per key: ``rate`` tokens a second, at most ``rate`` saved up.

    Remembers the ``capacity`` keys used last. A key that was removed starts with a full bucket:
    ``capacity`` other keys were used since its last request.
    """

    def __init__(self, rate: float, capacity: int = 10_000) -> None:
        self._rate = rate
        self._capacity = capacity
        self._buckets: OrderedDict[str, list[float]] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """Take one token at monotonic time ``now``.

        Returns 0 when there was one, else the seconds until there is one.
        """
        bucket = self._buckets.get(key)
        if bucket is None:
            self._buckets[key] = [self._rate - 1, now]
            if len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
            return 0.0
        self._buckets.move_to_end(key)
        tokens = min(self._rate, bucket[0] + (now - bucket[1]) * self._rate)
        bucket[1] = now
        if tokens >= 1:
            bucket[0] = tokens - 1
            return 0.0
        bucket[0] = tokens
        return (1 - tokens) / self._rate

    def __len__(self) -> int:
        return len(self._buckets)
