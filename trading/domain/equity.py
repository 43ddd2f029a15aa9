"""Equity over time: the day's profit and return."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trading.domain.money import CONTEXT, MICRO, ZERO
from trading.domain.values import replace


@dataclass(frozen=True)
class Day:
    """What a day's profit is measured from. USDC; days are UTC."""

    date: date
    open_equity: Decimal = ZERO
    net_deposits: Decimal = ZERO
    last_equity: Decimal = ZERO
    """The equity recorded last: what the next day opens with."""

    def rolled(self, now: datetime) -> "Day":
        """Return the day of `now`; a new one opens with the equity recorded last."""
        if now.date() <= self.date:
            return self
        return Day(now.date(), self.last_equity, ZERO, self.last_equity)

    def deposited(self, amount: Decimal) -> "Day":
        return replace(self, net_deposits=self.net_deposits + amount, last_equity=self.last_equity + amount)

    def profit(self, equity: Decimal) -> "DailyReturn":
        return daily_return(self.open_equity, equity, self.net_deposits)


@dataclass(frozen=True, slots=True)
class DailyReturn:
    """`pnl` in USDC; `return_pct` in percent with 6 decimals, None where there was nothing to earn it on."""

    pnl: Decimal
    return_pct: Decimal | None


def daily_return(open_equity: Decimal, equity: Decimal, net_deposits: Decimal) -> DailyReturn:
    """Return ``equity - open - net deposits`` and that as percentage of ``open + net deposits``."""
    pnl = equity - open_equity - net_deposits
    base = open_equity + net_deposits
    if base <= 0:
        return DailyReturn(pnl, None)
    return DailyReturn(pnl, CONTEXT.divide(pnl * 100, base).quantize(MICRO, context=CONTEXT))


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What an account was worth at a moment, USDC: `balance` is its cash, `equity` that plus unrealised PnL."""

    at: datetime
    balance: Decimal
    equity: Decimal
    daily_pnl: Decimal
    daily_return_pct: Decimal | None
