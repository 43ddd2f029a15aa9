"""Token buckets keep their promise in every window of time, and tell exactly when to come back."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trading.buckets import MILLISECOND, SECOND, SWEEP_FROM, Bucket, Buckets, limit_of, milliseconds

RATES = st.one_of(st.integers(1, 1_000).map(float), st.floats(0.01, 1_000.0))
BURSTS = st.integers(1, 50)
STEPS = st.lists(st.integers(0, 2 * SECOND), min_size=1, max_size=200)
START = 1_800_000_000 * SECOND


def moments(steps: list[int]) -> list[int]:
    now, found = START, []
    for step in steps:
        now += step
        found.append(now)
    return found


@given(RATES, BURSTS, STEPS)
def test_no_window_has_more_than_the_burst_and_what_came_back_in_it(rate: float, burst: int, steps: list[int]) -> None:
    bucket = Bucket(limit_of(rate, burst))
    taken = [now for now in moments(steps) if bucket.take(now) == 0]
    for first, since in enumerate(taken):
        for last, until in enumerate(taken[first:], start=first):
            assert last - first + 1 <= burst + Fraction(rate) * Fraction(until - since, SECOND)


@given(RATES, BURSTS, STEPS)
def test_who_waits_as_told_is_served_and_a_moment_before_is_not(rate: float, burst: int, steps: list[int]) -> None:
    bucket = Bucket(limit_of(rate, burst))
    for now in moments(steps):
        wait = bucket.take(now)
        if wait:
            assert bucket.take(now + wait - 1) == 1
            assert bucket.take(now + wait) == 0
            return


@given(RATES, BURSTS)
def test_a_new_bucket_has_its_burst_at_once_and_no_more(rate: float, burst: int) -> None:
    bucket = Bucket(limit_of(rate, burst))
    assert [bucket.take(START) for _ in range(burst)] == [0] * burst
    assert bucket.take(START) > 0


@given(RATES, BURSTS, STEPS)
def test_what_is_given_back_can_be_taken_again(rate: float, burst: int, steps: list[int]) -> None:
    bucket, twin = Bucket(limit_of(rate, burst)), Bucket(limit_of(rate, burst))
    for now in moments(steps):
        wait = bucket.take(now)
        assert twin.take(now) == wait
        if not wait:
            bucket.give_back()
            assert bucket.take(now) == 0


@given(st.sampled_from([(0.0, 5), (5.0, 0), (0.0, 0), (-1.0, 5)]), st.integers(1, 500))
def test_a_limit_of_nothing_is_none(limit: tuple[float, int], times: int) -> None:
    assert limit_of(*limit).is_off
    bucket = Bucket(limit_of(*limit))
    assert not any(bucket.take(START) for _ in range(times))


@given(RATES, BURSTS, st.integers(1, 10_000))
def test_a_clock_that_is_set_back_empties_the_bucket_and_no_worse(rate: float, burst: int, hours: int) -> None:
    bucket = Bucket(limit_of(rate, burst))
    while not bucket.take(START):
        pass
    now = START - hours * 3_600 * SECOND
    wait = bucket.take(now)
    assert 0 < wait <= bucket.limit.interval
    assert bucket.take(now + wait) == 0


def test_a_wait_is_rounded_up_to_milliseconds() -> None:
    assert [milliseconds(wait) for wait in (1, MILLISECOND, MILLISECOND + 1)] == [1, 1, 2]


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets, limit = Buckets(), limit_of(1.0, 2)
    assert [buckets.take("a", limit, START) > 0 for _ in range(3)] == [False, False, True]
    assert buckets.take("b", limit, START) == 0


def test_a_limit_that_changes_counts_at_once() -> None:
    buckets = Buckets()
    assert buckets.take("a", limit_of(1.0, 1), START) == 0
    assert buckets.take("a", limit_of(1.0, 1), START) > 0
    assert buckets.take("a", limit_of(1.0, 5), START) == 0


def test_buckets_that_are_full_again_are_forgotten() -> None:
    buckets, limit = Buckets(), limit_of(10.0, 5)
    for number in range(20 * SWEEP_FROM):  # each key once, a thousand a second; a bucket is full again after 0.1 s
        buckets.take(number, limit, START + number * MILLISECOND)
        assert len(buckets) <= SWEEP_FROM + 1


def test_a_bucket_in_use_is_kept() -> None:
    buckets, limit = Buckets(), limit_of(0.001, 1)
    assert buckets.take("used", limit, START) == 0
    for number in range(5 * SWEEP_FROM):
        buckets.take(number, limit_of(1_000.0, 1), START + number * MILLISECOND)
    assert buckets.take("used", limit, START + 5 * SWEEP_FROM * MILLISECOND) > 0
