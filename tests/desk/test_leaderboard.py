"""The leaderboard tells of each account what its equity, fills and positions say, at a bounded cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account, LedgerEntry, User
from accounts.services import open_account
from tests.builders import a_user, access, an_order, done, set_price
from tests.desk.given import queries
from trading.domain.market import Market
from trading.leaderboard import LEAST_MOMENTS, MOST_MOMENTS, Standing, _moments, leaderboard
from trading.market.board import board
from trading.models import EquityPoint, Trade
from trading.prices import market_now
from trading.selectors import TIMEFRAMES

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 4, 9, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def viewer() -> User:
    return a_user()


def market() -> Market:
    return market_now(board, NOW)


def an_old_account(viewer: User, cash: str = "10000", opened: datetime = NOW - timedelta(days=400)) -> Account:
    """An account that was opened with 10,000, long ago unless told otherwise, and has this much cash now."""
    name = f"Account {Account.objects.count()}"
    account = open_account(owner=viewer, name=name, starting_capital=Decimal(10_000), now=opened)
    Account.objects.filter(pk=account.pk).update(cash=Decimal(cash))
    return account


def points(account: Account, *equities: tuple[timedelta, str]) -> None:
    EquityPoint.objects.bulk_create(
        EquityPoint(
            account=account,
            timestamp=NOW - before,
            balance=Decimal(equity),
            equity=Decimal(equity),
            daily_pnl=0,
            daily_return_pct=None,
        )
        for before, equity in equities
    )


def only(viewer: User, timeframe: str = "24h", now: datetime = NOW) -> Standing:
    [standing] = leaderboard(viewer.pk, timeframe, market(), now)
    return standing


def put_in(account: Account, amount: str, at: datetime) -> None:
    LedgerEntry.objects.create(
        account=account, kind="deposit" if Decimal(amount) > 0 else "withdrawal", amount=Decimal(amount),
        balance=Decimal(0), created_at=at,
    )  # fmt: skip


def test_return_and_drawdown_are_those_of_the_equity(viewer: User) -> None:
    account = an_old_account(viewer, cash="10500")
    hours = [(25, "10000"), (18, "12000"), (12, "9000"), (6, "10000")]
    points(account, *((timedelta(hours=hour), equity) for hour, equity in hours))
    standing = only(viewer)
    assert standing.return_pct == Decimal("5")
    assert standing.max_drawdown_pct == Decimal("25")
    assert standing.equity == 10_500
    assert standing.sharpe is not None
    assert standing.sharpe > 0
    assert (standing.trades, standing.fees, standing.win_rate_pct, standing.open_risk) == (0, 0, None, 0)


def test_what_was_put_in_or_taken_out_is_no_return(viewer: User) -> None:
    account = an_old_account(viewer, cash="16500")
    points(account, (timedelta(hours=25), "10000"), (timedelta(hours=12), "15000"), (timedelta(hours=2), "15000"))
    put_in(account, "5000", NOW - timedelta(hours=12))
    standing = only(viewer)
    assert standing.return_pct == Decimal("10")
    assert standing.max_drawdown_pct == 0


def test_an_account_opened_within_the_timeframe_began_with_its_capital(viewer: User) -> None:
    account = an_old_account(viewer, "12000", opened=NOW - timedelta(hours=3))
    points(account, (timedelta(hours=2), "9000"), (timedelta(hours=1), "11000"))
    standing = only(viewer)
    assert standing.return_pct == Decimal("20")
    assert standing.max_drawdown_pct == Decimal("10")
    assert only(viewer, "all").return_pct == Decimal("20")


def test_what_a_young_account_lost_is_seen_in_every_timeframe(viewer: User) -> None:
    account = an_old_account(viewer, "10000", opened=NOW - timedelta(minutes=5))
    points(account, *((timedelta(seconds=250 - 50 * number), cash) for number, cash in enumerate(("9000", "10000"))))
    for timeframe in TIMEFRAMES:
        standing = only(viewer, timeframe)
        assert (standing.return_pct, standing.max_drawdown_pct) == (0, 10), timeframe
        assert standing.sharpe is None, "minutes say nothing about a year"


def test_a_new_account_without_a_point_has_a_return_too(viewer: User) -> None:
    an_old_account(viewer, opened=NOW - timedelta(minutes=1))
    assert only(viewer).return_pct == 0


def test_fills_of_the_timeframe_are_counted(viewer: User) -> None:
    account = an_old_account(viewer)
    set_price("BTC", "60000")
    done(account, an_order("0.1"))
    set_price("BTC", "66000")
    done(account, an_order("0.05", "sell"))
    set_price("BTC", "54000")
    done(account, an_order("0.02", "sell"))
    ids = list(Trade.objects.order_by("pk").values_list("pk", flat=True))
    assert len(ids) == 3
    for pk, hours in zip(ids, (30, 20, 10), strict=True):
        Trade.objects.filter(pk=pk).update(executed_at=NOW - timedelta(hours=hours))
    standing = only(viewer)
    fees = sum(Trade.objects.filter(pk__in=ids[1:]).values_list("fee", flat=True))
    assert (standing.trades, standing.fees, standing.win_rate_pct) == (2, fees, 50)
    assert only(viewer, "7d").trades == 3
    assert only(viewer, "1h").trades == 0
    account.refresh_from_db()
    assert standing.gross_exposure == Decimal("0.03") * 54_000
    assert standing.open_risk == (standing.gross_exposure / standing.equity).quantize(Decimal("1e-6"))


def test_the_accounts_are_those_that_the_viewer_may_see_the_best_first(viewer: User) -> None:
    worst, best, shared = (an_old_account(viewer, cash) for cash in ("9000", "11000", "10000"))
    other = an_old_account(a_user(), "12000")
    for account in (worst, best, shared, other):
        points(account, (timedelta(hours=25), "10000"))
    access(other, viewer, "viewer")
    an_old_account(a_user(), "99000")
    found = leaderboard(viewer.pk, "24h", market(), NOW)
    assert [each.account.id for each in found] == [other.pk, best.pk, shared.pk, worst.pk]
    assert leaderboard(a_user().pk, "24h", market(), NOW) == []


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_there_are_as_many_queries_for_one_account_as_for_many(viewer: User, timeframe: str) -> None:
    set_price("BTC", "60000")
    first = an_old_account(viewer)
    points(first, (DAY, "10000"))
    market()
    few = queries(lambda: leaderboard(viewer.pk, timeframe, market(), NOW))
    for _ in range(5):
        account = an_old_account(viewer)
        points(account, *((timedelta(minutes=minute), "10000") for minute in range(300)))
        done(account, an_order("0.01"))
        put_in(account, "5", NOW - timedelta(hours=1))
    assert queries(lambda: leaderboard(viewer.pk, timeframe, market(), NOW)) == few <= 16


def test_the_equity_is_looked_up_at_few_moments_where_there_are_many_accounts() -> None:
    counts = [len(_moments(NOW - DAY, NOW, accounts)) for accounts in (1, 1_000, 10**6)]
    assert counts == [MOST_MOMENTS, LEAST_MOMENTS, LEAST_MOMENTS]
