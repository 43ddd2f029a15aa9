"""Follow the trend where two averages cross and the MACD agrees."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.agents import indicators
from trading.agents.indicators import Columns, Cross, Floats
from trading.agents.rule import SETTLED_EMA, SETTLED_WILDER, Rule
from trading.agents.rule_settings import RuleSettings, within
from trading.agents.settings import SettingsError
from trading.agents.telling import figures, plain


@dataclass(frozen=True, slots=True)
class EmaMacdSettings(RuleSettings):
    """Periods are in bars. A cross counts for `fresh` bars, within which the MACD has to agree."""

    fast: int = 9
    slow: int = 21
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    fresh: int = 3

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        RuleSettings.__post_init__(self)
        within(self, "fresh", 1, 200)
        for name in ("fast", "slow", "macd_fast", "macd_slow", "macd_signal"):
            within(self, name, 2, 200)
        if self.fast >= self.slow or self.macd_fast >= self.macd_slow:
            raise SettingsError("The settings must keep 'fast' < 'slow' and 'macd_fast' < 'macd_slow'.")


@dataclass(frozen=True, slots=True)
class Averages:
    """The averages after the last bar, and the closes that the MACD is asked of where it matters."""

    cross: Cross
    closes: Floats


class EmaMacd(Rule[EmaMacdSettings, Averages]):
    """EMA(9) crosses EMA(21): buy upwards while the MACD(12, 26, 9) histogram is above 0, sell mirrored.

    A position is left where the averages stand the other way round; else by its stop or target. Confidence is 0.6, as a
    cross has no degrees.
    """

    name = "ema_macd"
    settings_type = EmaMacdSettings

    def window(self) -> int:
        s = self.settings
        averages = (SETTLED_EMA * s.slow, SETTLED_EMA * (s.macd_slow + s.macd_signal))
        return max(*averages, SETTLED_WILDER * s.atr_period) + s.fresh + 1

    def read(self, columns: Columns) -> Averages | None:
        s = self.settings
        cross = indicators.ema_cross(columns.closes, s.fast, s.slow, s.fresh)
        return None if cross is None else Averages(cross, columns.closes)

    def signal(self, reading: Averages) -> int:
        crossed = reading.cross.crossed
        return crossed if crossed and crossed * self._histogram(reading) > 0 else 0

    def turned(self, reading: Averages, sign: int) -> bool:
        return (reading.cross.fast - reading.cross.slow) * sign < 0

    def _histogram(self, reading: Averages) -> float:
        s = self.settings
        return indicators.macd_histogram(reading.closes, s.macd_fast, s.macd_slow, s.macd_signal) or 0.0

    def confidence(self, reading: Averages) -> Decimal:
        return Decimal("0.6")

    def tell(self, reading: Averages) -> tuple[str, dict[str, Any]]:
        fast, slow, histogram = (figures(x) for x in (reading.cross.fast, reading.cross.slow, self._histogram(reading)))
        facts = {
            "fast": self.settings.fast,
            "slow": self.settings.slow,
            "ema_fast": plain(fast),
            "ema_slow": plain(slow),
            "macd_histogram": plain(histogram),
        }
        stands = {1: "has crossed above", -1: "has crossed below"}.get(
            reading.cross.crossed, "is above" if reading.cross.fast > reading.cross.slow else "is below"
        )
        told = (
            f"EMA {facts['fast']} at {facts['ema_fast']} {stands} EMA {facts['slow']} at {facts['ema_slow']}, "
            f"MACD histogram {facts['macd_histogram']}"
        )
        return told, facts
