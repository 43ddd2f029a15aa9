"""The settings that all rules share."""

from dataclasses import dataclass
from decimal import Decimal

from trading.agents.settings import SettingsError


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What a rule looks at, and how often it says that it holds.

    A hold is reported at every `every`-th bar, with 0 never; an action is never put off.
    """

    symbols: tuple[str, ...] = ("BTC",)
    leverage: int = 5
    every: int = 1

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise SettingsError("The setting 'symbols' must name at least one symbol, and none twice.")
        positive(self, "leverage")
        if self.every < 0:
            raise SettingsError("The setting 'every' must be 0 or more.")


@dataclass(frozen=True, slots=True)
class RuleSettings(WatchSettings):
    """How much a rule risks, and where it leaves.

    `stop_atr` and `target_atr` are multiples of the ATR, `risk_pct` is the percentage of equity that a trade may lose
    at its stop.
    """

    atr_period: int = 14
    stop_atr: Decimal = Decimal(2)
    target_atr: Decimal = Decimal(4)
    risk_pct: Decimal = Decimal("0.5")
    allow_short: bool = True

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        WatchSettings.__post_init__(self)
        within(self, "atr_period", 1, 200)
        positive(self, "stop_atr", "target_atr", "risk_pct")
        for name, most in (("stop_atr", 1000), ("target_atr", 1000), ("risk_pct", 100)):
            if getattr(self, name) > most:
                raise SettingsError(f"The setting {name!r} must be at most {most}.")


def positive(settings: object, *names: str) -> None:
    """Raise `SettingsError` for a setting that is not more than 0."""
    for name in names:
        if getattr(settings, name) <= 0:
            raise SettingsError(f"The setting {name!r} must be greater than 0.")


def within(settings: object, name: str, least: int, most: int) -> None:
    """Raise `SettingsError` for a setting that is not from `least` to `most`."""
    if not least <= getattr(settings, name) <= most:
        raise SettingsError(f"The setting {name!r} must be from {least} to {most}.")
