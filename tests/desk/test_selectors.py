"""What is read of an account is what one computes by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.utils import timezone

from accounts.models import Account
from tests.builders import an_account, an_order, done, set_price
from tests.desk.given import DEPOSIT, queries
from trading.domain.commands import MoveCash
from trading.domain.market import Market
from trading.market.board import board
from trading.models import EquityPoint, Instrument
from trading.prices import market_now
from trading.selectors import MAX_POINTS, TIMEFRAMES, AccountSnapshot, account_snapshot, asset_curve

pytestmark = pytest.mark.django_db
NOW = datetime(2025, 3, 14, 12, tzinfo=UTC)


def d(text: object) -> Decimal:
    return Decimal(str(text))


def snapshot_of(account: Account) -> AccountSnapshot:
    account.refresh_from_db()
    return account_snapshot(account, market_now(board), timezone.now())


def prices(btc: str, eth: str) -> None:
    set_price("BTC", btc, bids=[[btc, "100"]], asks=[[btc, "100"]])
    set_price("ETH", eth, bids=[[eth, "1000"]], asks=[[eth, "1000"]])


def test_a_new_account_has_its_capital_and_nothing_else() -> None:
    snapshot = snapshot_of(an_account())
    assert (snapshot.equity, snapshot.withdrawable) == (10000, 10000)
    assert (snapshot.unrealized_pnl, snapshot.margin_used, snapshot.daily_pnl) == (0, 0, 0)
    assert snapshot.daily_return_pct == 0
    assert (list(snapshot.positions), list(snapshot.orders)) == ([], [])


def test_the_figures_of_an_account_are_those_computed_by_hand() -> None:
    prices("60000", "3000")
    account = an_account()
    done(account, an_order("0.2", leverage=10))  # 12,000 long, fee 5.4
    done(account, an_order("2", "sell", symbol="ETH", leverage=5))  # 6,000 short, fee 2.7
    done(account, an_order("0.1", price="55000", leverage=10))  # holds 550
    done(account, an_order("1", price="2900", symbol="ETH"))  # reduces the short: holds nothing
    done(account, MoveCash(DEPOSIT, d(1000)))
    prices("61000", "3100")

    snapshot = snapshot_of(account)
    assert account.cash == d("10991.9")
    assert snapshot.unrealized_pnl == 200 - 200
    assert snapshot.equity == d("10991.9")
    assert snapshot.margin_used == 1220 + 1240
    assert snapshot.withdrawable == d("10991.9") - 2460 - 550
    assert snapshot.daily_pnl == d("-8.1")
    assert snapshot.daily_return_pct == d("-0.073636")
    assert [order.price for order in snapshot.orders] == [55000, 2900]

    btc, eth = snapshot.positions
    assert (btc.position.symbol, btc.mark, btc.position.unrealized_pnl(btc.mark)) == ("BTC", 61000, 200)
    assert (eth.position.symbol, eth.mark, eth.position.unrealized_pnl(eth.mark)) == ("ETH", 3100, -200)
    # Maintenance 12,200 / 80 = 152.5 and 6,200 / 50 = 124; what is free of the other's falls with the price.
    available = d("10991.9") - 124
    assert btc.liquidation_price is not None
    assert abs(btc.liquidation_price - (12_200 - available) / (d("0.2") * (1 - d(1) / 80))) < d("1e-9")
    available = d("10991.9") - d("152.5")
    assert eth.liquidation_price is not None
    assert abs(eth.liquidation_price - (6_200 + available) / (2 * (1 + d(1) / 50))) < d("1e-9")


def test_closed_positions_and_finished_orders_are_left_out() -> None:
    prices("60000", "3000")
    account = an_account()
    done(account, an_order("0.2"))
    done(account, an_order("0.2", "sell"))
    snapshot = snapshot_of(account)
    assert (list(snapshot.positions), list(snapshot.orders)) == ([], [])
    assert snapshot.equity == account.cash == d("9989.2")


def test_a_position_whose_symbol_is_no_longer_listed_still_counts() -> None:
    prices("60000", "3000")
    account = an_account()
    done(account, an_order("2", symbol="ETH"))
    Instrument.objects.filter(pk="ETH").update(listed=False)
    prices("60000", "3100")
    [view] = snapshot_of(account).positions
    assert (view.mark, view.position.size) == (3100, 2)
    assert snapshot_of(account).unrealized_pnl == 200


def test_a_position_without_any_price_counts_at_its_entry() -> None:
    prices("60000", "3000")
    account = an_account()
    done(account, an_order("0.2"))
    account.refresh_from_db()
    empty = Market({row.symbol: row.to_domain() for row in Instrument.objects.all()}, {})
    snapshot = account_snapshot(account, empty, timezone.now())
    assert (snapshot.unrealized_pnl, snapshot.positions[0].mark) == (0, 60000)


def test_a_snapshot_after_midnight_tells_the_new_day() -> None:
    account = an_account()
    done(account, MoveCash(DEPOSIT, d(500)))
    account.refresh_from_db()
    tomorrow = timezone.now() + timedelta(days=1)
    snapshot = account_snapshot(account, market_now(board), tomorrow)
    assert (snapshot.equity, snapshot.daily_pnl) == (10500, 0)


def test_a_snapshot_takes_as_many_queries_whatever_the_account_holds() -> None:
    prices("60000", "3000")
    market, account = market_now(board), an_account(capital="1000000")
    done(account, an_order("0.2"))
    small = queries(lambda: account_snapshot(account, market, timezone.now()))
    done(account, an_order("2", symbol="ETH"))
    for _ in range(20):
        done(account, an_order("0.1", price="50000"))
    assert queries(lambda: account_snapshot(account, market, timezone.now())) == small <= 3


# Curves


def points(account: Account, *moments: datetime) -> None:
    EquityPoint.objects.bulk_create(
        EquityPoint(account=account, timestamp=at, balance=d(number), equity=d(number), daily_pnl=d(0))
        for number, at in enumerate(moments)
    )


@pytest.mark.parametrize(("timeframe", "span"), TIMEFRAMES.items())
def test_a_curve_begins_where_its_timeframe_does_and_ends_now(timeframe: str, span: timedelta | None) -> None:
    account = an_account()
    begin = NOW - (span or timedelta(days=3650))
    points(account, begin - timedelta(microseconds=1), begin, NOW - timedelta(minutes=1), NOW, NOW + timedelta(hours=1))
    curve = asset_curve(account, timeframe, Market({}, {}), NOW)
    expected = [begin, NOW - timedelta(minutes=1), NOW, NOW]
    assert [point.at for point in curve] == ([begin - timedelta(microseconds=1)] if span is None else []) + expected
    assert (curve[-1].equity, curve[-1].balance) == (10000, 10000)


def test_an_account_without_a_past_has_a_curve_of_now() -> None:
    [point] = asset_curve(an_account(), "all", Market({}, {}), NOW)
    assert (point.at, point.equity) == (NOW, 10000)


@pytest.mark.parametrize("count", [1, 998, 999, 1000, 1001, 1998, 1999, 5000])
def test_a_curve_has_at_most_a_thousand_points_evenly_spread_and_ordered(count: int) -> None:
    account, other = an_account(), an_account()
    moments = [NOW - timedelta(seconds=10 * (count - number)) for number in range(count)]
    points(account, *moments)
    points(other, *moments)
    curve = asset_curve(account, "all", Market({}, {}), NOW)
    times = [point.at for point in curve]
    assert len(curve) <= MAX_POINTS
    assert len(curve) == count + 1 if count < MAX_POINTS else len(curve) > MAX_POINTS // 2
    assert times == sorted(times)
    assert (times[0], times[-1]) == (moments[0], NOW)
    gaps = {later - earlier for earlier, later in pairwise(times[:-1])}
    assert len(gaps) <= 1


def test_a_curve_takes_as_many_queries_whatever_its_length() -> None:
    short, long = an_account(), an_account()
    points(short, NOW - timedelta(minutes=1))
    points(long, *[NOW - timedelta(seconds=number) for number in range(3000)])
    market = Market({}, {})
    counts = [queries(lambda a=account: asset_curve(a, "24h", market, NOW)) for account in (short, long)]
    assert counts[0] == counts[1] <= 5
