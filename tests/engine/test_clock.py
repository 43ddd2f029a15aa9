"""Clocks that jump, and clocks that disagree."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import an_account
from tests.domain.given import NOW, SECOND, a_market, a_quote, an_order, refused
from tests.domain.given import an_account as an_account_state
from trading.desk import Desk
from trading.domain.errors import MarketUnavailable
from trading.domain.marks import MARK_EVERY, Inputs, Marker
from trading.engine import Engine
from trading.lease import Lease, LeaseLost
from trading.market.board import Board
from trading.models import EngineLease, EquityPoint, FeedCursor, MarketPrice

START = datetime(2026, 4, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_price_of_the_future_is_not_a_fresh_one() -> None:
    """It is from before the clock was set back: nobody knows how old."""
    market = a_market(a_quote(at=NOW + 16 * SECOND))
    assert isinstance(refused(an_account_state(), an_order(), market), MarketUnavailable)
    assert a_market(a_quote(at=NOW + 14 * SECOND)).is_fresh("BTC", NOW)


def test_a_clock_that_is_set_back_does_not_keep_new_prices_from_the_board() -> None:
    board = Board()
    board.put([a_quote("67000", at=NOW + HOUR)])
    [new] = board.put([a_quote("66000", at=NOW)])
    assert board.quotes["BTC"] == new
    assert board.put([a_quote("65000", at=NOW - SECOND)]) == [], "one that is merely late is passed over"


def test_marks_go_on_where_a_clock_is_set_back() -> None:
    def inputs(price: int) -> Inputs:
        return Inputs(Decimal(price), Decimal(price - 1), Decimal(price + 1))

    marker = Marker()
    for number in range(10):
        marker = marker.after(inputs(67_000), NOW + HOUR + number * MARK_EVERY)
    back = marker.after(inputs(60_000), NOW)
    assert (back.mark, back.sampled_at) == (60_000, NOW)
    assert marker.after(inputs(60_000), NOW + HOUR) == marker, "one that is merely late is passed over"


@pytest.mark.django_db
def test_the_lease_of_a_leader_whose_clock_was_ahead_runs_out_too() -> None:
    """It wrote a time far ahead and died: whoever sees for a lease's time that nobody renews it takes over."""
    lasting = timedelta(seconds=4)
    dead, other = Lease(lasting), Lease(lasting)
    assert dead.hold(START + HOUR)
    assert not other.hold(START)
    assert not other.hold(START + lasting - SECOND)
    assert dead.hold(START + HOUR + 3 * SECOND), "it lives"
    assert not other.hold(START + lasting)
    assert not other.hold(START + 2 * lasting - SECOND)
    assert other.hold(START + 2 * lasting)
    assert other.fence == 2
    assert isinstance(dead.refusal(), LeaseLost)


@pytest.mark.django_db(transaction=True)
def test_an_engine_goes_on_where_its_clock_is_set_back(settings: Any) -> None:
    settings.HYPERORU_MARKET = "simulated"
    now = [START]
    desk = Desk(Board(), lambda: now[0])
    engine = Engine(desk, lambda: now[0])
    account = an_account()
    for step in range(40):
        now[0] = START + timedelta(seconds=step / 2) - (HOUR if step >= 20 else timedelta(0))
        engine.step(now[0])
        assert engine.leads
    desk.close()
    assert all(abs(price.at - now[0]) < 3 * SECOND for price in MarketPrice.objects.all())
    assert all(abs(quote.at - now[0]) < 3 * SECOND for quote in desk.board.quotes.values())
    assert EquityPoint.objects.filter(account=account, timestamp__lt=START).count() == 1
    assert EngineLease.objects.get().expires_at < START
    assert FeedCursor.objects.filter(pk="funding").exists()
