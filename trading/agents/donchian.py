"""Follow a breakout from the range of the bars before."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.agents import indicators
from trading.agents.indicators import Columns
from trading.agents.rule import SETTLED_WILDER, Rule
from trading.agents.rule_settings import RuleSettings, within
from trading.agents.settings import SettingsError
from trading.agents.telling import figures, plain


@dataclass(frozen=True, slots=True)
class DonchianSettings(RuleSettings):
    """Periods are in bars: `period` of the channel to break out of, `exit_period` of the one to leave on."""

    period: int = 20
    exit_period: int = 10

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        RuleSettings.__post_init__(self)
        within(self, "period", 2, 500)
        within(self, "exit_period", 2, 500)
        if self.exit_period > self.period:
            raise SettingsError("The setting 'exit_period' must be at most 'period'.")


class DonchianBreakout(Rule[DonchianSettings, Columns]):
    """Buy where a bar closes above the highest high of the 20 bars before it, sell below their lowest low.

    A position is left where a bar closes beyond the shorter channel of the other side; else by its stop or target.
    Confidence is 0.6, as a breakout has no degrees.
    """

    name = "donchian_breakout"
    settings_type = DonchianSettings

    def window(self) -> int:
        return max(self.settings.period, SETTLED_WILDER * self.settings.atr_period) + 1

    def read(self, columns: Columns) -> Columns:
        return columns

    def signal(self, reading: Columns) -> int:
        period = self.settings.period
        return 1 if _is_above(reading, period) else -1 if _is_below(reading, period) else 0

    def turned(self, reading: Columns, sign: int) -> bool:
        period = self.settings.exit_period
        return _is_below(reading, period) if sign > 0 else _is_above(reading, period)

    def confidence(self, reading: Columns) -> Decimal:
        return Decimal("0.6")

    def tell(self, reading: Columns) -> tuple[str, dict[str, Any]]:
        s = self.settings
        facts: dict[str, Any] = {"period": s.period, "exit_period": s.exit_period}
        for name, period in (("channel", s.period), ("exit", s.exit_period)):
            facts[f"{name}_high"] = plain(figures(indicators.donchian_high(reading.highs, period) or 0.0))
            facts[f"{name}_low"] = plain(figures(indicators.donchian_low(reading.lows, period) or 0.0))
        where = {1: "above", -1: "below"}.get(self.signal(reading), "within")
        told = (
            f"Closed {where} the channel of {facts['period']} bars, {facts['channel_low']} to {facts['channel_high']} "
            f"(of {facts['exit_period']}: {facts['exit_low']} to {facts['exit_high']})"
        )
        return told, facts


def _is_above(reading: Columns, period: int) -> bool:
    """Tell whether the last bar closed above the channel: so above the bar before it, to begin with. Few do."""
    close = reading.closes[-1]
    if len(reading.highs) <= period or close <= reading.highs[-2]:
        return False
    high = indicators.donchian_high(reading.highs, period)
    return high is not None and bool(close > high)


def _is_below(reading: Columns, period: int) -> bool:
    """Tell whether the last bar closed below the channel."""
    close = reading.closes[-1]
    if len(reading.lows) <= period or close >= reading.lows[-2]:
        return False
    low = indicators.donchian_low(reading.lows, period)
    return low is not None and bool(close < low)
