"""The settings of `RsiSupportResistance`."""

from dataclasses import dataclass
from decimal import Decimal

from trading.agents.settings import SettingsError


@dataclass(frozen=True, slots=True)
class RsiSettings:
    """`near_atr`, `stop_atr` and `target_atr` are multiples of the ATR, `risk_pct` is percent of equity.

    `oversold` and `exit_level` are RSI values of the long side; the short side's are `overbought` and
    ``100 - exit_level``. Levels are looked for in the last `lookback` bars. A hold is reported at every `every`-th bar;
    an action is never put off.
    """

    symbols: tuple[str, ...] = ("BTC",)
    period: int = 14
    atr_period: int = 14
    lookback: int = 120
    oversold: Decimal = Decimal(30)
    overbought: Decimal = Decimal(70)
    exit_level: Decimal = Decimal(50)
    near_atr: Decimal = Decimal("0.5")
    stop_atr: Decimal = Decimal(2)
    target_atr: Decimal = Decimal(3)
    risk_pct: Decimal = Decimal("0.5")
    leverage: int = 5
    allow_short: bool = True
    every: int = 1

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        if not self.symbols:
            raise SettingsError("The setting 'symbols' must name at least one symbol.")
        for name, least, most in (("period", 2, 200), ("atr_period", 1, 200), ("lookback", 20, 1000)):
            if not least <= getattr(self, name) <= most:
                raise SettingsError(f"The setting {name!r} must be from {least} to {most}.")
        if not 0 < self.oversold < self.overbought < 100:
            raise SettingsError("The settings must keep 0 < 'oversold' < 'overbought' < 100.")
        if not self.oversold < self.exit_level < 100 or not 0 < 100 - self.exit_level < self.overbought:
            raise SettingsError("The setting 'exit_level' must lie above 'oversold', 100 less it below 'overbought'.")
        for name in ("near_atr", "stop_atr", "target_atr", "risk_pct", "leverage", "every"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"The setting {name!r} must be greater than 0.")
        if self.risk_pct > 100:
            raise SettingsError("The setting 'risk_pct' must be at most 100.")
