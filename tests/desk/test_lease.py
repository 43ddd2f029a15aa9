"""Of all engines one leads, and one that was deposed writes nothing more."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from tests.builders import an_account, an_order, set_price
from tests.desk.given import everything
from trading.desk import Done, Request, desk
from trading.lease import Lease, LeaseLost
from trading.models import EngineLease, Trade

NOW = datetime(2025, 3, 14, 12, tzinfo=UTC)
LASTING = timedelta(seconds=4)
INSTANT = timedelta(microseconds=1)


@pytest.fixture
def first(db: None) -> Lease:
    return Lease(LASTING)


@pytest.fixture
def second(db: None) -> Lease:
    return Lease(LASTING)


def test_one_of_two_leads_as_long_as_it_renews(first: Lease, second: Lease) -> None:
    assert first.hold(NOW)
    for step in range(1, 6):
        moment = NOW + step * (LASTING - INSTANT)
        assert not second.hold(moment - INSTANT)
        assert first.hold(moment)
    assert second.fence is None
    assert first.fence == 1


def test_another_takes_over_when_the_lease_runs_out_and_not_before(first: Lease, second: Lease) -> None:
    assert first.hold(NOW)
    assert not second.hold(NOW + LASTING - INSTANT)
    assert second.hold(NOW + LASTING)
    assert not first.hold(NOW + LASTING)
    assert first.fence is None
    assert EngineLease.objects.get().holder == second.holder


def test_the_fence_grows_with_each_new_leader_only(first: Lease, second: Lease) -> None:
    fences = []
    for number, lease in enumerate((first, second, second, first)):
        assert lease.hold(NOW + number * LASTING)
        fences.append(lease.fence)
    assert fences == [1, 2, 2, 3]


def test_a_leader_that_renews_late_still_leads_where_nobody_took_over(first: Lease) -> None:
    assert first.hold(NOW)
    assert first.hold(NOW + 10 * LASTING)
    assert first.fence == 1


def test_a_deposed_leader_is_refused_and_changes_nothing(first: Lease, second: Lease) -> None:
    set_price()
    account = an_account()
    assert first.hold(NOW)
    request = Request(account.pk, an_order("0.01"), fence=first)
    assert isinstance(desk.execute([request])[0], Done)
    assert second.hold(NOW + LASTING)
    before = everything()
    # It was cut off and has not heard of it: by its own light it still leads.
    assert first.fence == 1
    assert isinstance(desk.execute([request])[0], LeaseLost)
    assert everything() == before
    answers = desk.execute([request, Request(account.pk, an_order("0.01"), fence=second)])
    assert [type(answer) for answer in answers] == [LeaseLost, Done]
    assert Trade.objects.count() == 2


def test_who_never_led_is_refused(first: Lease) -> None:
    assert isinstance(first.refusal(), LeaseLost)


def test_a_released_lease_is_taken_at_once(first: Lease, second: Lease) -> None:
    assert first.hold(NOW)
    first.release(NOW + INSTANT)
    assert isinstance(first.refusal(), LeaseLost)
    assert second.hold(NOW + INSTANT)
    assert second.fence == 2


def test_who_does_not_lead_releases_nothing(first: Lease, second: Lease) -> None:
    assert first.hold(NOW)
    second.release(NOW)
    assert not second.hold(NOW)
    assert first.refusal() is None


def test_leases_of_other_names_are_others(first: Lease) -> None:
    assert first.hold(NOW)
    assert Lease(LASTING, "other").hold(NOW)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_want_it_at_once_exactly_one_leads() -> None:
    def want(_: int) -> bool:
        try:
            return Lease(LASTING).hold(NOW)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(want, range(8))) == 1
    assert EngineLease.objects.get().fence == 1
