"""How accounts do beside each other. What it costs is bounded, however long they have been trading.

The equity of each account is looked up at some moments of the timeframe, never read whole: one look in an index for
each account and moment. Fills are summed up by the database.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import Min

from accounts.models import LedgerEntry
from accounts.selectors import AccountView, account_views, visible_accounts
from trading.domain import margin, performance
from trading.domain.market import Market
from trading.domain.money import CONTEXT, MICRO, ZERO
from trading.domain.performance import Point
from trading.domain.positions import Position as PositionValue
from trading.models import EquityPoint, Position, Trade
from trading.reading import read_snapshot
from trading.rows import Query, Select, made
from trading.rows.statements import array
from trading.selectors import TIMEFRAMES

LOOKS = 60_000
"""About how many looks at the equity there are, for all accounts together."""
MOST_MOMENTS, LEAST_MOMENTS = 480, 48
SLACK = timedelta(seconds=60)
"""How far the times of two trades may contradict the order of their ids, at the most."""

POSITION = tuple(field.attname for field in Position._meta.concrete_fields)
_held = Select(Position, *POSITION, where="account_id {numbers} AND size > 0")
# The literal words let the databases use the index that is for these kinds alone.
_moved = Select(
    LedgerEntry,
    "account_id",
    "created_at",
    "amount",
    where="kind IN ('deposit', 'withdrawal', 'adjustment') AND account_id {numbers} AND created_at > %s"
    " ORDER BY created_at, id",
)
_OLDER = f"""COALESCE((SELECT trade.executed_at < %s FROM {Trade._meta.db_table} trade
    WHERE trade.id <= (seek.low + seek.high + 1) / 2 ORDER BY trade.id DESC LIMIT 1), TRUE)"""  # noqa: S608
_last_before = Query(
    f"""
    WITH RECURSIVE seek (low, high) AS (
        SELECT CAST(0 AS BIGINT), COALESCE((SELECT MAX(id) FROM {Trade._meta.db_table}), 0)
        UNION ALL
        SELECT CASE WHEN {_OLDER} THEN (seek.low + seek.high + 1) / 2 ELSE seek.low END,
               CASE WHEN {_OLDER} THEN seek.high ELSE (seek.low + seek.high + 1) / 2 - 1 END
        FROM seek WHERE seek.low < seek.high
    )
    SELECT low FROM seek WHERE low >= high
    """  # noqa: S608
)
_fills = Query(
    f"""
    SELECT account_id, COUNT(*), SUM(fee), COUNT(pnl), SUM(CASE WHEN pnl > fee THEN 1 ELSE 0 END)
    FROM {Trade._meta.db_table} WHERE account_id {{numbers}} AND id > %s AND executed_at > %s GROUP BY account_id
    """  # noqa: S608
)
_EQUITY = f"""SELECT point.equity FROM {EquityPoint._meta.db_table} point
    WHERE point.account_id = {{account}} AND point.timestamp <= {{moment}}
    ORDER BY point.timestamp DESC LIMIT 1"""  # noqa: S608
_SAMPLES = {
    "postgresql": f"""
        SELECT account.id, moment.place - 1, found.equity
        FROM unnest(%s::bigint[]) AS account (id)
        CROSS JOIN unnest(%s::timestamptz[]) WITH ORDINALITY AS moment (at, place)
        CROSS JOIN LATERAL ({_EQUITY.format(account="account.id", moment="moment.at")}) AS found
        """,  # noqa: S608
    "sqlite": f"""
        SELECT account.value, moment.key, ({_EQUITY.format(account="account.value", moment="moment.value")})
        FROM json_each(%s) AS account CROSS JOIN json_each(%s) AS moment
        """,  # noqa: S608
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account did. USDC; `…_pct` in percent, None where there was nothing to tell it from.

    `trades` are fills, `win_rate_pct` of those that closed something: how many earned more than their fee. `open_risk`:
    what is held, long and short, as a multiple of the equity.
    """

    account: AccountView
    equity: Decimal
    return_pct: Decimal | None
    max_drawdown_pct: Decimal
    sharpe: Decimal | None
    win_rate_pct: Decimal | None
    trades: int
    fees: Decimal
    gross_exposure: Decimal
    open_risk: Decimal | None


@dataclass(frozen=True, slots=True)
class _Fills:
    trades: int = 0
    fees: Decimal = ZERO
    closed: int = 0
    won: int = 0


def leaderboard(user_id: int, timeframe: str, market: Market, now: datetime) -> list[Standing]:
    """Return how the accounts did that the user may see, the best return first. As many queries whatever they are."""
    with read_snapshot():
        accounts = account_views(user_id)
        if not accounts:
            return []
        ids = [account.id for account in accounts]
        span = TIMEFRAMES[timeframe]
        first = visible_accounts(user_id).aggregate(first=Min("created_at"))["first"] if span is None else None
        # A moment before the first account was opened: what it was opened with was put in then.
        start = min(now, first or now) - timedelta(seconds=1) if span is None else now - span
        moments = _moments(start, now, len(ids))
        samples = _samples(ids, moments)
        moved = _by_account(_moved(ids, _adapted(start)))
        positions = _positions(ids)
        fills = _fills_since(ids, start)
    with localcontext(CONTEXT):
        standings = [
            _standing(
                account,
                _curve(samples.get(account.id, {}), moments, moved.get(account.id, ())),
                moments[1] - moments[0],
                positions.get(account.id, ()),
                fills.get(account.id, _Fills()),
                market,
                now,
                sum((amount for _, amount in moved.get(account.id, ())), ZERO),
            )
            for account in accounts
        ]
    return sorted(standings, key=_rank)


def _rank(each: Standing) -> tuple[bool, Decimal, int]:
    return each.return_pct is None, -(each.return_pct or ZERO), each.account.id


def _moments(start: datetime, now: datetime, accounts: int) -> list[datetime]:
    count = min(MOST_MOMENTS, max(LEAST_MOMENTS, LOOKS // accounts))
    step = max((now - start) / count, timedelta(microseconds=1))
    return [start + number * step for number in range(count)]


def _adapted(moment: datetime) -> Any:
    """Return a time as the database compares it with a column."""
    return connection.ops.adapt_datetimefield_value(moment)


def _samples(ids: Sequence[int], moments: Sequence[datetime]) -> dict[int, dict[int, Decimal]]:
    """Return the last equity (USDC) of each account at each moment, by account and the moment's place."""
    times = [_adapted(moment) for moment in moments]
    is_postgresql = connection.vendor == "postgresql"
    given = [array(ids), array(times)] if is_postgresql else [json.dumps(ids), json.dumps(times)]
    found: dict[int, dict[int, Decimal]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLES[connection.vendor], given)
        for account_id, place, equity in cursor.fetchall():
            if equity is not None:
                found.setdefault(account_id, {})[place] = _usdc(equity)
    return found


def _by_account(rows: Iterable[tuple[int, datetime, Decimal]]) -> dict[int, list[tuple[datetime, Decimal]]]:
    found: dict[int, list[tuple[datetime, Decimal]]] = {}
    for account_id, at, amount in rows:
        found.setdefault(account_id, []).append((at, amount))
    return found


def _positions(ids: Sequence[int]) -> dict[int, list[PositionValue]]:
    found: dict[int, list[PositionValue]] = {}
    for values in _held(ids):
        row = made(Position, dict(zip(POSITION, values, strict=True)))
        found.setdefault(row.account_id, []).append(row.to_domain())
    return found


def _fills_since(ids: Sequence[int], start: datetime) -> dict[int, _Fills]:
    early = _adapted(start - SLACK)
    [(last,)] = _last_before(early, early)
    rows = _fills(ids, last, _adapted(start))
    return {pk: _Fills(trades, _usdc(fees), closed, int(won or 0)) for pk, trades, fees, closed, won in rows}


def _usdc(micro: int | Decimal) -> Decimal:
    return Decimal(int(micro)).scaleb(-6)


def _curve(
    samples: Mapping[int, Decimal], moments: Sequence[datetime], moved: Sequence[tuple[datetime, Decimal]]
) -> list[Point]:
    """Return the equity at the moments that it is known of, with what was put in since the first of all."""
    points, put_in, next_move = [], ZERO, 0
    for place, moment in enumerate(moments):
        while next_move < len(moved) and moved[next_move][0] <= moment:
            put_in += moved[next_move][1]
            next_move += 1
        if place in samples:
            points.append(Point(moment, samples[place], put_in))
    if 0 not in samples:  # opened since: it began with nothing
        points.insert(0, Point(moments[0], ZERO))
    return points


def _standing(
    account: AccountView,
    points: list[Point],
    step: timedelta,
    positions: Sequence[PositionValue],
    fills: _Fills,
    market: Market,
    now: datetime,
    put_in: Decimal,
) -> Standing:
    marks = {each.symbol: market.mark(each.symbol, otherwise=each.entry_price) for each in positions}
    equity = margin.account_value(account.cash, positions, marks)
    gross = sum((each.size * marks[each.symbol] for each in positions), ZERO)
    points = [*points, Point(now, equity, put_in)]
    growth = performance.growth(points)
    returns = [after / before - 1 for before, after in pairwise(growth) if before > 0]
    sharpe = performance.sharpe(returns, step)
    return Standing(
        account=account,
        equity=equity,
        return_pct=_return(points),
        max_drawdown_pct=performance.max_drawdown(points).pct,
        sharpe=None if sharpe is None else Decimal(sharpe).quantize(MICRO),
        win_rate_pct=(Decimal(100 * fills.won) / fills.closed).quantize(MICRO) if fills.closed else None,
        trades=fills.trades,
        fees=fills.fees,
        gross_exposure=gross,
        open_risk=(gross / equity).quantize(MICRO) if equity > 0 else None if gross else ZERO,
    )


def _return(points: Sequence[Point]) -> Decimal | None:
    """Return the time-weighted return; an account that was opened since began with what was put in."""
    if points[0].equity == 0 and len(points) == 2 and points[1].deposits > 0:
        return ((points[1].equity / points[1].deposits - 1) * 100).quantize(MICRO)
    return performance.return_pct(points)
