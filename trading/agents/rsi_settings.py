"""The settings of `RsiSupportResistance`."""

from dataclasses import dataclass
from decimal import Decimal

from trading.agents.rule_settings import RuleSettings, positive, within
from trading.agents.settings import SettingsError


@dataclass(frozen=True, slots=True)
class RsiSettings(RuleSettings):
    """`near_atr` is a multiple of the ATR.

    `oversold` and `exit_level` are RSI values of the long side; the short side's are `overbought` and
    ``100 - exit_level``. Levels are looked for in the last `lookback` bars. With `exchange_stops` stop and target of an
    entry are the exchange's to watch; without, the model closes after a bar that closed beyond them.
    """

    period: int = 14
    lookback: int = 120
    oversold: Decimal = Decimal(30)
    overbought: Decimal = Decimal(70)
    exit_level: Decimal = Decimal(50)
    near_atr: Decimal = Decimal("0.5")
    target_atr: Decimal = Decimal(3)
    exchange_stops: bool = True

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        RuleSettings.__post_init__(self)
        within(self, "period", 2, 200)
        within(self, "lookback", 20, 1000)
        positive(self, "near_atr")
        if not 0 < self.oversold < self.overbought < 100:
            raise SettingsError("The settings must keep 0 < 'oversold' < 'overbought' < 100.")
        if not self.oversold < self.exit_level < 100 or not 0 < 100 - self.exit_level < self.overbought:
            raise SettingsError("The setting 'exit_level' must lie above 'oversold', 100 less it below 'overbought'.")
