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
from trading.domain.positions import Position as PositionValue
from trading.models import EquityPoint, Position, Trade
from trading.reading import read_snapshot
from trading.rows import Query, Select, made
from trading.rows.statements import array
from trading.selectors import TIMEFRAMES

LOOKS = 48_000
"""About how many looks at the equity there are, for all accounts together."""
MOST_MOMENTS, LEAST_MOMENTS = 480, 48
LEAST_SPAN = timedelta(hours=1)
"""Less than this says nothing about how returns spread over a year."""
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
        first = visible_accounts(user_id).aggregate(first=Min("created_at"))["first"] or now
        # A moment before the first account was opened: what it was opened with was put in then. Nothing is before it.
        start = min(now, first) - timedelta(seconds=1)
        start = start if span is None else max(start, now - span)
        moments = _moments(start, now, len(ids))
        samples = _samples(ids, moments)
        moved = _by_account(_moved(ids, _adapted(start)))
        positions = _positions(ids)
        fills = _fills_since(ids, start)
    with localcontext(CONTEXT):
        standings = [
            _standing(
                account,
                samples.get(account.id, {}),
                moments,
                moved.get(account.id, ()),
                positions.get(account.id, ()),
                fills.get(account.id, _Fills()),
                market,
                now,
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


def _samples(ids: Sequence[int], moments: Sequence[datetime]) -> dict[int, dict[int, int]]:
    """Return the last equity (micro-USDC) of each account at each moment, by account and the moment's place."""
    times = [_adapted(moment) for moment in moments]
    is_postgresql = connection.vendor == "postgresql"
    given = [array(ids), array(times)] if is_postgresql else [json.dumps(ids), json.dumps(times)]
    found: dict[int, dict[int, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLES[connection.vendor], given)
        for account_id, place, equity in cursor.fetchall():
            if equity is not None:
                found.setdefault(account_id, {})[place] = equity
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
    samples: Mapping[int, int], moments: Sequence[datetime], moved: Sequence[tuple[datetime, Decimal]]
) -> tuple[list[float], list[float]]:
    """Return the equity at the moments that it is known of, and what was put in since the first of all. USDC."""
    equities, put_ins = list[float](), list[float]()
    if 0 not in samples:  # opened since: it began with nothing
        equities, put_ins = [0.0], [0.0]
    put_in, next_move = 0.0, 0
    for place, moment in enumerate(moments):
        while next_move < len(moved) and moved[next_move][0] <= moment:
            put_in += float(moved[next_move][1])
            next_move += 1
        if place in samples:
            equities.append(samples[place] / 1e6)
            put_ins.append(put_in)
    return equities, put_ins


def _standing(
    account: AccountView,
    samples: Mapping[int, int],
    moments: Sequence[datetime],
    moved: Sequence[tuple[datetime, Decimal]],
    positions: Sequence[PositionValue],
    fills: _Fills,
    market: Market,
    now: datetime,
) -> Standing:
    marks = {each.symbol: market.mark(each.symbol, otherwise=each.entry_price) for each in positions}
    equity = margin.account_value(account.cash, positions, marks)
    gross = sum((each.size * marks[each.symbol] for each in positions), ZERO)
    put_in = sum((amount for _, amount in moved), ZERO)
    equities, put_ins = _curve(samples, moments, moved)
    growth = performance.grown_at([*equities, float(equity)], [*put_ins, float(put_in)])
    sharpe = None
    if now - moments[0] >= LEAST_SPAN:
        returns = [after / before - 1 for before, after in pairwise(growth) if before > 0]
        sharpe = performance.sharpe(returns, moments[1] - moments[0])
    return Standing(
        account=account,
        equity=equity,
        return_pct=_return(samples.get(0), equities, growth[-1], equity, put_in, bool(moved)),
        max_drawdown_pct=Decimal(performance.deepest_fall(growth)[0] * 100).quantize(MICRO),
        sharpe=None if sharpe is None else Decimal(sharpe).quantize(MICRO),
        win_rate_pct=(Decimal(100 * fills.won) / fills.closed).quantize(MICRO) if fills.closed else None,
        trades=fills.trades,
        fees=fills.fees,
        gross_exposure=gross,
        open_risk=(gross / equity).quantize(MICRO) if equity > 0 else None if gross else ZERO,
    )


def _return(first: int | None, equities: Sequence[float], grown: float, equity: Decimal, put_in: Decimal,
            is_moved: bool) -> Decimal | None:  # fmt: skip
    """Return the time-weighted return in percent, exact where nothing was put in meanwhile."""
    if first is None and len(equities) == 1 and put_in > 0:  # opened since, with what was put in
        return ((equity / put_in - 1) * 100).quantize(MICRO)
    if first is not None and first > 0 and not is_moved:
        before = _usdc(first)
        return ((equity - before) * 100 / before).quantize(MICRO)
    return Decimal((grown - 1) * 100).quantize(MICRO) if any(each > 0 for each in equities) else None
