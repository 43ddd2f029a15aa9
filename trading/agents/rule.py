"""What a rule is made of: it reads a window of closed bars, and enters, leaves or holds."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from trading.agents import indicators
from trading.agents.base import AgentView, Verdict
from trading.agents.exits import Entry, enter
from trading.agents.indicators import Columns
from trading.agents.rule_settings import RuleSettings, WatchSettings
from trading.agents.telling import ATR_FIGURES, figures, flat_market, hold, plain, warming_up
from trading.domain.enums import Action
from trading.domain.instruments import round_to_tick
from trading.domain.market import Bar

W = TypeVar("W", bound=WatchSettings)
R = TypeVar("R", bound=RuleSettings)
Reading = TypeVar("Reading")

SETTLED_WILDER = 10
"""Wilder's averages remember for ever; after this many periods what came before the window has no weight left."""
SETTLED_EMA = 5
"""The same of exponential averages, whose periods count nearly twice."""


class Watcher(ABC, Generic[W]):
    """Looks at a window of closed bars, always as long, so that the same bars always mean the same."""

    name: ClassVar[str]
    settings_type: ClassVar[type[Any]]

    def __init__(self, settings: W) -> None:
        self.settings = settings
        self.symbols = settings.symbols
        self.bars_needed = self.window()
        self._columns: dict[str, Columns] = {}
        """The last window of each symbol, so that the next one need not be read anew."""

    @abstractmethod
    def window(self) -> int:
        """Return how many closed bars it looks at."""

    @abstractmethod
    def judge(self, view: AgentView, columns: Columns, *, reports: bool) -> Verdict | None:
        """Decide on the window; None for a hold where none is due to be reported."""

    def decide(self, view: AgentView) -> Verdict | None:
        """Decide about the bar that just closed; None for a hold that is not due to be reported."""
        bars: Sequence[Bar] = view.bars
        needed = self.bars_needed
        if len(bars) > needed:
            bars = bars[-needed:]
        every = self.settings.every
        reports = bool(bars and every) and bars[-1].number % every == 0
        if len(bars) < needed:
            return warming_up(len(bars), needed) if reports else None
        columns = self._columns[view.symbol] = Columns.of(bars, self._columns.get(view.symbol))
        return self.judge(view, columns, reports=reports)


class Rule(Watcher[R], Generic[R, Reading]):
    """Enters on a signal, with stop and target for the exchange to watch, and leaves early where the signal turned."""

    @abstractmethod
    def read(self, columns: Columns) -> Reading | None:
        """Return what the bars say; None where they say nothing."""

    @abstractmethod
    def signal(self, reading: Reading) -> int:
        """Return which way to enter: 1 long, -1 short, 0 neither."""

    @abstractmethod
    def turned(self, reading: Reading, sign: int) -> bool:
        """Tell whether a position of this sign is to be left before its stop or target."""

    @abstractmethod
    def tell(self, reading: Reading) -> tuple[str, dict[str, Any]]:
        """Return what the bars say in words and as facts: the same numbers in both."""

    def confidence(self, reading: Reading) -> Decimal | None:
        """Return how sure an entry or an early exit is, from 0 to 1."""
        return None

    def judge(self, view: AgentView, columns: Columns, *, reports: bool) -> Verdict | None:
        reading = self.read(columns)
        if reading is None:
            return flat_market(len(columns.closes)) if reports else None
        held = 0 if not view.position_size else 1 if view.position_size > 0 else -1
        leaves = bool(held) and self.turned(reading, held)
        enters = 0 if held else self.signal(reading)
        if enters < 0 and not self.settings.allow_short:
            enters = 0
        if not (leaves or enters or reports):
            return None
        raw = indicators.atr(columns.highs, columns.lows, columns.closes, self.settings.atr_period)
        if not raw and not held:
            return flat_market(len(columns.closes)) if reports else None
        atr = figures(raw or 0.0, ATR_FIGURES)
        told, facts = self.tell(reading)
        told, facts = f"{told}, ATR {plain(atr)}", facts | {"close": plain(view.bars[-1].close), "atr": plain(atr)}
        if held:
            return self._held(view, (told, facts), reading, leaves=leaves, reports=reports)
        why: Verdict | str = "no signal"
        if enters:
            entry = Entry(enters, atr, told, facts, self.confidence(reading))
            why = enter(view, self.settings, entry)
        if isinstance(why, Verdict):
            return why
        return hold(f"{told}; {why}", facts) if reports else None

    def _held(
        self, view: AgentView, told: tuple[str, dict[str, Any]], reading: Reading, *, leaves: bool, reports: bool
    ) -> Verdict | None:
        words, facts = told
        entry = view.bars[-1].close if view.entry_price is None else view.entry_price
        facts = facts | {"entry": plain(round_to_tick(entry, view.instrument.size_decimals))}
        where = f"close {facts['close']}, {'long' if view.position_size > 0 else 'short'} from {facts['entry']}"
        if leaves:
            return Verdict(Action.CLOSE, f"{words}; turned against {where}", self.confidence(reading), facts)
        return hold(f"{words}; holding: {where}", facts) if reports else None
