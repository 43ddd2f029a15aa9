"""How well an account did: figures of its equity over time and of the trades that it closed.

Returns are time-weighted: money that was put in or taken out counts as neither gain nor loss. Nothing is taken for the
risk-free rate, and a year has 365 days, as this market never closes. Ratios are floats: they are no money.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean

from trading.domain.money import CONTEXT, MICRO, ZERO

YEAR = timedelta(days=365)
PERIODS = (timedelta(days=1), timedelta(hours=1), timedelta(minutes=1))
ENOUGH = 30
"""Fewer returns than this say little about how they spread."""


@dataclass(frozen=True, slots=True)
class Point:
    """Equity at a moment (UTC), and all that was put in less what was taken out until then. USDC."""

    at: datetime
    equity: Decimal
    deposits: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest fall below an earlier peak: percent of the peak, from when to when (UTC; None: there was none)."""

    pct: Decimal = ZERO
    peak_at: datetime | None = None
    trough_at: datetime | None = None


def growth(points: Sequence[Point]) -> list[float]:
    """Return what 1 became at each point, oldest first: 1.0 at the first.

    Each step grows by ``equity / (equity before + what was put in since)``; one that begins with nothing changes
    nothing, and what has been lost entirely stays 0.
    """
    return grown_at([float(point.equity) for point in points], [float(point.deposits) for point in points])


def grown_at(equities: Sequence[float], put_ins: Sequence[float]) -> list[float]:
    """Return the same of equities and of all that was put in until each, oldest first."""
    index: list[float] = []
    grown, before, put_in = 1.0, 0.0, 0.0
    for equity, deposits in zip(equities, put_ins, strict=True):
        if index:
            base = before + deposits - put_in
            grown *= max(0.0, equity / base) if base > 0 else 1.0
        index.append(grown)
        before, put_in = equity, deposits
    return index


def return_pct(points: Sequence[Point]) -> Decimal | None:
    """Return the time-weighted return in percent, with 6 decimals; None without two points, or nothing to earn on."""
    if len(points) < 2 or not any(point.equity > 0 for point in points[:-1]):
        return None
    first, last = points[0], points[-1]
    if all(point.deposits == first.deposits for point in points) and first.equity > 0:  # exact where it can be
        return CONTEXT.divide((last.equity - first.equity) * 100, first.equity).quantize(MICRO, context=CONTEXT)
    return _percent(growth(points)[-1] - 1)


def max_drawdown(points: Sequence[Point]) -> Drawdown:
    """Return the deepest fall of the time-weighted equity below its peak until then, percent with 6 decimals."""
    deepest, since, until = deepest_fall(growth(points))
    return Drawdown(_percent(deepest), points[since].at, points[until].at) if deepest else Drawdown()


def deepest_fall(index: Sequence[float]) -> tuple[float, int, int]:
    """Return the deepest fall below the peak until then, a fraction, and the places of that peak and of its trough."""
    found = 0.0, 0, 0
    peak, peak_place = 0.0, 0
    for place, grown in enumerate(index):
        if grown >= peak:
            peak, peak_place = grown, place
        elif (peak - grown) / peak > found[0]:
            found = (peak - grown) / peak, peak_place, place
    return found


def period_for(points: Sequence[Point]) -> timedelta:
    """Return the longest usual period (a day, an hour, a minute) of which the points span enough."""
    span = points[-1].at - points[0].at if points else timedelta()
    return next((period for period in PERIODS if span >= ENOUGH * period), PERIODS[-1])


def returns(points: Sequence[Point], period: timedelta) -> list[float]:
    """Return the time-weighted returns, fractions, of each whole period after the first point, oldest first.

    What is known at the end of a period is the last point until then: one without a point of its own returned 0.
    """
    if not points:
        return []
    start, index = points[0].at, growth(points)
    ends: list[float] = []
    for number, point in enumerate(points[1:], 1):
        while len(ends) < (point.at - start) // period:
            end = start + (len(ends) + 1) * period
            ends.append(index[number] if point.at == end else index[number - 1])
    # One start more than there are ends.
    return [now / then - 1 if then > 0 else 0.0 for then, now in zip([index[0], *ends], ends, strict=False)]


def sharpe(values: Sequence[float], period: timedelta) -> float | None:
    """Return the annualised Sharpe ratio of returns: mean over standard deviation (of a sample), times √periods a year.

    None where there are less than two, or all are alike (Sharpe 1994).
    """
    if len(values) < 2:
        return None
    mean = fmean(values)
    # Two passes over floats are exact enough here; the library's, which is exact, takes ten times as long.
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean / spread * math.sqrt(YEAR / period) if spread > 1e-15 else None


def sortino(values: Sequence[float], period: timedelta) -> float | None:
    """Return the annualised Sortino ratio of returns: mean over downside deviation, times √periods a year.

    The downside deviation is the root of the mean square of what is below 0, over all returns (Sortino & Price 1994).
    None where there are less than two, or none is below 0.
    """
    if len(values) < 2:
        return None
    downside = math.sqrt(fmean(min(value, 0.0) ** 2 for value in values))
    return fmean(values) / downside * math.sqrt(YEAR / period) if downside > 1e-15 else None


def win_rate(profits: Sequence[Decimal]) -> Decimal | None:
    """Return the percentage, with 6 decimals, of closed trades that earned something after fees; None without any."""
    if not profits:
        return None
    won = sum(1 for profit in profits if profit > 0)
    return CONTEXT.divide(Decimal(100 * won), Decimal(len(profits))).quantize(MICRO, context=CONTEXT)


def profit_factor(profits: Iterable[Decimal]) -> Decimal | None:
    """Return what closed trades earned over what they lost, with 6 decimals; None where none lost."""
    profits = list(profits)
    earned = sum((profit for profit in profits if profit > 0), ZERO)
    lost = -sum((profit for profit in profits if profit < 0), ZERO)
    return CONTEXT.divide(earned, lost).quantize(MICRO, context=CONTEXT) if lost else None


def turnover(notional: Decimal, points: Sequence[Point]) -> Decimal | None:
    """Return the notional that was traded (USDC) as a multiple of the mean equity, 6 decimals; None where it is 0."""
    mean = CONTEXT.divide(sum((point.equity for point in points), ZERO), Decimal(len(points) or 1))
    return CONTEXT.divide(notional, mean).quantize(MICRO, context=CONTEXT) if mean > 0 else None


def _percent(fraction: float) -> Decimal:
    return Decimal(fraction * 100).quantize(MICRO, context=CONTEXT)
