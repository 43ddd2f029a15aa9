"""The figures of a backtest, and the files that hold them."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from trading.backtesting.play import Run
from trading.domain import performance
from trading.domain.facts import TradeExecuted
from trading.domain.performance import Point
from trading.domain.round_trips import RoundTrip, round_trips
from trading.market.feeds.candles import MINUTE

TRADE = (
    "symbol", "side", "opened_at", "closed_at", "size", "entry", "exit", "pnl", "fees", "net_pnl",
)  # fmt: skip
FILL = (
    "at", "symbol", "side", "price", "size", "fee", "pnl", "start_position", "liquidity", "liquidation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Money in USDC; `_pct` in percent. None where nothing can be said.

    `trades`, `win_rate_pct` and `profit_factor` are of closed round trips, after fees; `turnover` is what was traded as
    a multiple of the mean equity; `exposure_pct` the part of the bars that ended in a position. The ratios are
    annualised, of returns each `period_s` seconds.
    """

    final_equity: Decimal
    return_pct: Decimal | None
    max_drawdown_pct: Decimal
    drawdown_from: datetime | None
    drawdown_to: datetime | None
    sharpe: float | None
    sortino: float | None
    period_s: int
    trades: int
    open_trades: int
    win_rate_pct: Decimal | None
    profit_factor: Decimal | None
    fees: Decimal
    funding: Decimal
    turnover: Decimal | None
    exposure_pct: Decimal
    decisions: int
    orders: int
    refused: int
    refused_by: Mapping[str, int]
    """How many orders were refused for each reason, the most frequent first."""
    fills: int
    liquidation_fills: int


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one model, `label` naming it among those side by side."""

    label: str
    model: str
    settings: Mapping[str, Any]
    figures: Figures
    points: Sequence[Point]
    trades: Sequence[RoundTrip]
    fills: Sequence[TradeExecuted]


def report(label: str, model: str, settings: Mapping[str, Any], run: Run) -> Report:
    """Work out the figures of a run."""
    points, held = equity_of(run)
    trips, tally = round_trips(run.tally.fills), run.tally
    closed = [trip.net_pnl for trip in trips if trip.closed_at is not None]
    period = performance.period_for(points)
    returns = performance.returns(points, period)
    drawdown = performance.max_drawdown(points)
    figures = Figures(
        final_equity=points[-1].equity,
        return_pct=performance.return_pct(points),
        max_drawdown_pct=drawdown.pct,
        drawdown_from=drawdown.peak_at,
        drawdown_to=drawdown.trough_at,
        sharpe=performance.sharpe(returns, period),
        sortino=performance.sortino(returns, period),
        period_s=round(period.total_seconds()),
        trades=len(closed),
        open_trades=len(trips) - len(closed),
        win_rate_pct=performance.win_rate(closed),
        profit_factor=performance.profit_factor(closed),
        fees=sum((fill.fee for fill in tally.fills), Decimal(0)),
        funding=tally.funding,
        turnover=performance.turnover(sum((f.price * f.size for f in tally.fills), Decimal(0)), points),
        exposure_pct=(Decimal(100 * held) / (len(points) - 1)).quantize(Decimal("0.000001")),
        decisions=tally.decisions,
        orders=tally.orders,
        refused=tally.refused,
        refused_by=dict(tally.reasons.most_common()),
        fills=len(tally.fills),
        liquidation_fills=sum(fill.liquidation for fill in tally.fills),
    )
    return Report(label, model, settings, figures, points, trips, tally.fills)


def equity_of(run: Run) -> tuple[list[Point], int]:
    """Return the equity at the close of each bar, after what the model did then, and how many ended in a position.

    The first point is the capital as the first bar opens. Sizes and cash change only where something happened; between
    that it is a sum of products of what was held and the closes, rounded to the 1e-6 USDC that it is exact at.
    """
    bars = next(iter(run.series.values()))
    length = len(bars)
    equity, invested = np.zeros(length), np.zeros(length, dtype=bool)
    closes = {symbol: np.array([float(bar.close) for bar in each]) for symbol, each in run.series.items()}
    ends = [each.place for each in run.held[1:]] + [length]
    for held, end in zip(run.held, ends, strict=True):
        stretch = slice(max(held.place, run.first), end)
        equity[stretch] = float(held.cash)
        invested[stretch] = bool(held.positions)
        for symbol, (size, entry) in held.positions.items():
            equity[stretch] += float(size) * closes[symbol][stretch] - float(entry)
    points = [Point(bars[run.first].open_time, run.capital, run.capital)]
    values = np.rint(equity[run.first :] * 1e6).astype(np.int64).tolist()
    for bar, micro in zip(bars[run.first :], values, strict=True):
        points.append(Point(bar.open_time + MINUTE, Decimal(micro).scaleb(-6), run.capital))
    return points, int(invested[run.first :].sum())


def as_json(found: Report, *, lists: bool) -> dict[str, Any]:
    """Return a report as JSON, decimals as strings; with `lists` its trades and fills too."""
    told: dict[str, Any] = {"label": found.label, "model": found.model, "settings": dict(found.settings)}
    told |= {name: _plain(value) for name, value in asdict(found.figures).items()}
    if lists:
        told["trade_list"] = [_row(trip, TRADE) for trip in found.trades]
        told["fill_list"] = [_row(fill, FILL) for fill in found.fills]
    return told


def write(folder: Path, head: Mapping[str, Any], reports: Sequence[Report]) -> list[Path]:
    """Write `report.json`, the equity of all as CSV, and each one's trades and fills; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "report.json", folder / "equity.csv"]
    told = {**head, "models": [as_json(each, lists=True) for each in reports]}
    written[0].write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    columns = [[point.equity for point in each.points] for each in reports]
    times = [point.at.isoformat() for point in reports[0].points]
    _csv(written[1], ("at", *(each.label for each in reports)), zip(times, *columns, strict=True))
    for each in reports:
        for name, fields, rows in (("trades", TRADE, each.trades), ("fills", FILL, each.fills)):
            path = folder / f"{name}-{each.label}.csv"
            _csv(path, fields, (_row(row, fields).values() for row in rows))
            written.append(path)
    return written


def _csv(path: Path, head: Sequence[str], rows: Any) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def _row(value: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: _plain(getattr(value, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    return value
