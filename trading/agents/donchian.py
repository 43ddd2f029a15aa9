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


@dataclass(frozen=True, slots=True)
class Channels:
    """The last close, and the channels of the bars before it."""

    close: float
    high: float
    low: float
    exit_high: float
    exit_low: float


class DonchianBreakout(Rule[DonchianSettings, Channels]):
    """Buy where a bar closes above the highest high of the 20 bars before it, sell below their lowest low.

    A position is left where a bar closes beyond the shorter channel of the other side; else by its stop or target.
    Confidence is 0.6, as a breakout has no degrees.
    """

    name = "donchian_breakout"
    settings_type = DonchianSettings

    def window(self) -> int:
        return max(self.settings.period, SETTLED_WILDER * self.settings.atr_period) + 1

    def read(self, columns: Columns) -> Channels | None:
        entered = indicators.donchian(columns.highs, columns.lows, self.settings.period)
        left = indicators.donchian(columns.highs, columns.lows, self.settings.exit_period)
        if entered is None or left is None:
            return None
        return Channels(float(columns.closes[-1]), *entered, *left)

    def signal(self, reading: Channels) -> int:
        return 1 if reading.close > reading.high else -1 if reading.close < reading.low else 0

    def turned(self, reading: Channels, sign: int) -> bool:
        return reading.close < reading.exit_low if sign > 0 else reading.close > reading.exit_high

    def confidence(self, reading: Channels) -> Decimal:
        return Decimal("0.6")

    def tell(self, reading: Channels) -> tuple[str, dict[str, Any]]:
        numbers = {
            "channel_high": reading.high,
            "channel_low": reading.low,
            "exit_high": reading.exit_high,
            "exit_low": reading.exit_low,
        }
        facts: dict[str, Any] = {name: plain(figures(number)) for name, number in numbers.items()}
        facts |= {"period": self.settings.period, "exit_period": self.settings.exit_period}
        where = {1: "above", -1: "below"}.get(self.signal(reading), "within")
        told = (
            f"Closed {where} the channel of {facts['period']} bars, {facts['channel_low']} to {facts['channel_high']} "
            f"(of {facts['exit_period']}: {facts['exit_low']} to {facts['exit_high']})"
        )
        return told, facts
