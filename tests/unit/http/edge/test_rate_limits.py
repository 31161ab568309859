"""The token buckets."""

from __future__ import annotations

from offhook.http.edge.rate_limits import RateLimiter


def test_a_full_bucket_lets_a_burst_of_its_rate_through_and_no_more() -> None:
    limiter = RateLimiter(rate=10)
    answers = [limiter.take("a", now=5.0) for _ in range(12)]
    assert answers[:10] == [0.0] * 10
    assert all(wait > 0 for wait in answers[10:])


def test_the_wait_is_the_time_until_one_token_is_there() -> None:
    limiter = RateLimiter(rate=10)
    for _ in range(10):
        limiter.take("a", now=0.0)
    wait = limiter.take("a", now=0.0)
    assert wait == 0.1
    assert limiter.take("a", now=wait) == 0.0


def test_a_refused_request_takes_no_token() -> None:
    limiter = RateLimiter(rate=1)
    limiter.take("a", now=0.0)
    for _ in range(100):
        assert limiter.take("a", now=0.5) > 0
    assert limiter.take("a", now=1.0) == 0.0


def test_saved_tokens_never_exceed_one_second_worth() -> None:
    limiter = RateLimiter(rate=2)
    limiter.take("a", now=0.0)
    answers = [limiter.take("a", now=1000.0) for _ in range(3)]
    assert [wait == 0 for wait in answers] == [True, True, False]


def test_keys_do_not_share_a_bucket() -> None:
    limiter = RateLimiter(rate=1)
    assert limiter.take("a", now=0.0) == 0.0
    assert limiter.take("b", now=0.0) == 0.0


def test_memory_is_bounded_and_the_key_used_last_is_kept() -> None:
    limiter = RateLimiter(rate=1, capacity=3)
    limiter.take("kept", now=0.0)
    for stranger in range(100):
        limiter.take(f"stranger-{stranger}", now=0.0)
        assert limiter.take("kept", now=0.0) > 0
    assert len(limiter) == 3
