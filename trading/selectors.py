"""What may be read of accounts. Callers check who may see them, and hold a `read_snapshot` where reads must agree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

from django.conf import settings
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from accounts.models import Account
from trading.domain import margin, risk
from trading.domain.equity import Day
from trading.domain.equity import EquityPoint as Point
from trading.domain.instruments import Instrument
from trading.domain.market import Market
from trading.domain.money import CONTEXT, ZERO
from trading.domain.positions import Position as PositionValue
from trading.domain.state import AccountState
from trading.models import EquityPoint, Order, Position
from trading.models import Instrument as InstrumentRow
from trading.models.order import ACTIVE
from trading.prices import usable

TIMEFRAMES: dict[str, timedelta | None] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
    "1y": timedelta(days=365),
    "all": None,
}
MAX_POINTS = 1_000
NO_DAY = Day(date.min)


@dataclass(frozen=True, slots=True)
class PositionView:
    """An open position at its mark. USDC, unrounded; `liquidation_price` None where there is none above 0."""

    position: PositionValue
    mark: Decimal
    liquidation_price: Decimal | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """An account at a moment. USDC; `daily_return_pct` in percent, None where there was no capital to earn it on."""

    account: Account
    at: datetime
    equity: Decimal
    unrealized_pnl: Decimal
    margin_used: Decimal
    withdrawable: Decimal
    daily_pnl: Decimal
    daily_return_pct: Decimal | None
    positions: Sequence[PositionView]
    orders: Sequence[Order]


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account holds: its open positions, by symbol, each with when it changed, and its open orders, by id.

    `order_margin`: what the orders hold, USDC.
    """

    positions: Sequence[tuple[PositionValue, datetime]]
    orders: Sequence[Order]
    order_margin: Decimal


def holdings(account_id: int) -> Holdings:
    """Return what an account holds: two queries, whatever it is."""
    rows = Position.objects.filter(account=account_id, size__gt=0).order_by("instrument")
    positions = [(row.to_domain(), row.updated_at) for row in rows]
    orders = list(Order.objects.filter(ACTIVE, account=account_id).order_by("id"))
    state = AccountState(
        id=account_id,
        cash=ZERO,
        day=NO_DAY,
        positions={position.symbol: position for position, _ in positions},
        orders={order.pk: order.to_domain() for order in orders},
    )
    with localcontext(CONTEXT):
        return Holdings(positions, orders, state.order_margin())


def account_snapshot(account: Account, market: Market, now: datetime, held: Holdings | None = None) -> AccountSnapshot:
    """Return what the account is worth and holds. Asks the database only for holdings that are not given."""
    held = holdings(account.pk) if held is None else held
    market = replace(market, instruments=instruments_of([position.symbol for position, _ in held.positions], market))
    state = AccountState(
        id=account.pk,
        cash=account.cash,
        day=Day(account.day, account.day_open_equity, account.day_net_deposits, account.last_equity),
        positions={position.symbol: position for position, _ in held.positions},
    )
    with localcontext(CONTEXT):
        marks = state.marks(market)
        equity = state.equity(market)
        used = margin.margin_used(state.positions.values(), marks)
        pools = {p.symbol: pool for pool in risk.pools(state, market) for p in pool.positions}
        profit = state.day.rolled(now).profit(equity)
        views = []
        for position, updated_at in held.positions:
            mark, liquidation = marks[position.symbol], None
            instrument = market.instruments.get(position.symbol)
            if instrument is not None:
                liquidation = pools[position.symbol].liquidation_price(position, mark, instrument)
            views.append(PositionView(position, mark, liquidation, updated_at))
        return AccountSnapshot(
            account=account,
            at=now,
            equity=equity,
            unrealized_pnl=equity - account.cash,
            margin_used=used,
            withdrawable=risk.withdrawable(state, market, held.order_margin, settings.HYPERORU_WITHDRAWABLE_SHARE),
            daily_pnl=profit.pnl,
            daily_return_pct=profit.return_pct,
            positions=views,
            orders=held.orders,
        )


def instruments_of(symbols: Iterable[str], market: Market) -> Mapping[str, Instrument]:
    """Return the market's instruments and those of some symbols.

    Those no longer listed are read besides, those unusable left out.
    """
    unlisted = [symbol for symbol in symbols if symbol not in market.instruments]
    if not unlisted:
        return market.instruments
    return {**market.instruments, **usable(InstrumentRow.objects.filter(pk__in=unlisted))}


def asset_curve(account: Account, timeframe: str, market: Market, now: datetime) -> list[Point]:
    """Return the equity over a timeframe, oldest first: at most 1,000 points, evenly thinned out, the last one now."""
    points = EquityPoint.objects.filter(account=account, timestamp__lte=now)
    span = TIMEFRAMES[timeframe]
    if span is not None:
        points = points.filter(timestamp__gte=now - span)
    step = -(-points.count() // (MAX_POINTS - 1))
    if step > 1:
        numbered = points.annotate(place=Window(RowNumber(), order_by=F("id").asc()) % step)
        points = numbered.filter(place=1)
    curve = [
        Point(row.timestamp, row.balance, row.equity, row.daily_pnl, row.daily_return_pct)
        for row in points.order_by("timestamp", "id")
    ]
    snapshot = account_snapshot(account, market, now)
    return [*curve, Point(now, account.cash, snapshot.equity, snapshot.daily_pnl, snapshot.daily_return_pct)]
