"""What a model has to beat: holding, and chance."""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.agents.base import AgentView, Verdict, floor_to_lot
from trading.agents.exits import most_size
from trading.agents.indicators import Columns
from trading.agents.rule import SETTLED_WILDER, Rule, Watcher
from trading.agents.rule_settings import RuleSettings, WatchSettings
from trading.agents.settings import SettingsError
from trading.agents.telling import hold, plain
from trading.domain.enums import Action


@dataclass(frozen=True, slots=True)
class HoldSettings(WatchSettings):
    """`leverage` of the equity is bought, less a tenth of it."""

    leverage: int = 1


class BuyAndHold(Watcher[HoldSettings]):
    """Buy when flat, each symbol for its share of the equity, and hold whatever happens. No stop."""

    name = "buy_and_hold"
    settings_type = HoldSettings

    def window(self) -> int:
        return 1

    def judge(self, view: AgentView, columns: Columns, *, reports: bool) -> Verdict | None:
        facts: dict[str, Any] = {"close": plain(view.bars[-1].close)}
        if view.position_size:
            facts["size"] = plain(abs(view.position_size))
            return hold(f"Holding {facts['size']} at {facts['close']}", facts) if reports else None
        size = floor_to_lot(most_size(view, self.settings.leverage, len(self.symbols)), view.instrument)
        if size * view.mark < view.instrument.min_notional:
            return hold(f"The equity is below the least notional at {facts['close']}", facts) if reports else None
        facts["size"] = plain(size)
        leverage = min(self.settings.leverage, view.instrument.max_leverage)
        reasoning = f"Buy {facts['size']} at {facts['close']} and hold"
        return Verdict(Action.BUY, reasoning, Decimal(1), facts, size=size, leverage=leverage)


@dataclass(frozen=True, slots=True)
class RandomSettings(RuleSettings):
    """Chances are percent of the bars: `enter_pct` while flat, `leave_pct` in a position. `seed` draws another life."""

    enter_pct: Decimal = Decimal(5)
    leave_pct: Decimal = Decimal(2)
    seed: int = 1

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        RuleSettings.__post_init__(self)
        if not (0 <= self.enter_pct <= 100 and 0 <= self.leave_pct <= 100):
            raise SettingsError("The settings 'enter_pct' and 'leave_pct' must be from 0 to 100.")


@dataclass(frozen=True, slots=True)
class Throw:
    """Two draws from 0 up to 100 for a bar: whether something is done, and which way."""

    number: int
    draw: float
    way: float


class RandomWalker(Rule[RandomSettings, Throw]):
    """Enter and leave by chance, with the stops and the sizes of the rules: what these are worth without a signal.

    Each bar's draw follows from the seed, the symbol and the bar's number: the same whenever it is asked again.
    """

    name = "random"
    settings_type = RandomSettings

    def window(self) -> int:
        return SETTLED_WILDER * self.settings.atr_period + 1

    def read(self, columns: Columns) -> Throw | None:
        bar = columns.last
        rng = random.Random(f"{self.settings.seed}:{bar.symbol}:{bar.number}")  # noqa: S311  (no secret)
        return Throw(bar.number, 100 * rng.random(), 100 * rng.random())

    def signal(self, reading: Throw) -> int:
        if reading.draw >= self.settings.enter_pct:
            return 0
        return 1 if reading.way < 50 or not self.settings.allow_short else -1

    def turned(self, reading: Throw, sign: int) -> bool:
        return reading.draw < self.settings.leave_pct

    def confidence(self, reading: Throw) -> Decimal:
        return Decimal(0)

    def tell(self, reading: Throw) -> tuple[str, dict[str, Any]]:
        facts = {"seed": self.settings.seed, "draw": plain(Decimal(reading.draw).quantize(Decimal("0.01")))}
        return f"Drew {facts['draw']} with seed {facts['seed']}", facts
