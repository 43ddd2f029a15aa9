"""Buy oversold at support, sell overbought at resistance."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.agents import indicators
from trading.agents.base import AgentView, Verdict
from trading.agents.exits import Entry, enter, exits
from trading.agents.indicators import Columns, Level
from trading.agents.rsi_settings import RsiSettings
from trading.agents.rule import SETTLED_WILDER, Watcher
from trading.agents.telling import ATR_FIGURES, figures, flat_market, hold, plain
from trading.domain.enums import Action
from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.money import ZERO

ONE = Decimal(1)
TENTH = Decimal("0.1")
HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers of one closed bar as they are decided on and shown: nothing is rounded afterwards."""

    close: Decimal
    rsi: Decimal
    atr: Decimal

    def facts(self) -> dict[str, Any]:
        return {"rsi": plain(self.rsi), "atr": plain(self.atr), "close": plain(self.close)}


@dataclass(frozen=True, slots=True)
class Zone:
    """A support or a resistance, its price on the tick."""

    name: str
    price: Decimal
    touches: int

    def __str__(self) -> str:
        strong = "strong " if indicators.is_strong(self.touches) else ""
        times = "1 touch" if self.touches == 1 else f"{self.touches} touches"
        return f"{strong}{self.name} at {plain(self.price)} ({times})"

    def facts(self) -> dict[str, Any]:
        return {self.name: plain(self.price), f"{self.name}_touches": self.touches}


class RsiSupportResistance(Watcher[RsiSettings]):
    """Wilder's RSI with support and resistance, on closed bars.

    Flat: buy where RSI <= oversold and the close is at most ``near_atr * ATR`` above a support; sell short mirrored at
    a resistance. Stop (``entry - side * stop_atr * ATR``) and target (``entry + side * target_atr * ATR``) go to the
    exchange with the entry; where they do not, the model closes after a bar that closed beyond them. In a position:
    close where the RSI is back through the exit level, else hold. The size of an entry loses `risk_pct` of the equity
    at the stop: ``equity * risk_pct / 100 / (stop_atr * ATR)``, clipped to the symbol's share of what the leverage
    allows.

    Confidence of an entry: ``0.4 + 0.25 * depth + 0.2 * strength + 0.15 * nearness``, each part from 0 to 1: depth is
    how far the RSI is beyond its threshold, strength the level's touches out of 3, nearness 1 at the level and 0 at
    ``near_atr * ATR`` from it. Of an exit: 1 at stop or target, else 0.5 rising to 1 as the RSI runs to its far end.
    A hold claims none.
    """

    name = "rsi_support_resistance"
    settings_type = RsiSettings

    def window(self) -> int:
        s = self.settings
        return max(s.lookback, SETTLED_WILDER * max(s.period, s.atr_period) + 1)

    def judge(self, view: AgentView, columns: Columns, *, reports: bool) -> Verdict | None:
        rsi = indicators.rsi(columns.closes, self.settings.period)
        if rsi is None:
            return flat_market(len(columns.closes)) if reports else None
        value = Decimal(rsi).quantize(TENTH)
        if not (reports or view.position_size or self._is_extreme(value)):
            return None
        atr = indicators.atr(columns.highs, columns.lows, columns.closes, self.settings.atr_period)
        if not atr:
            return flat_market(len(columns.closes)) if reports else None
        reading = Reading(view.bars[-1].close, value, figures(atr, ATR_FIGURES))
        if view.position_size:
            return self._in_position(view, reading, reports)
        support, resistance = self._zones(columns, atr, view.instrument)
        return self._flat(view, reading, support, resistance, reports)

    def _is_extreme(self, rsi: Decimal) -> bool:
        return rsi <= self.settings.oversold or (self.settings.allow_short and rsi >= self.settings.overbought)

    def _in_position(self, view: AgentView, reading: Reading, reports: bool) -> Verdict | None:
        """Close at the RSI's exit level, or at stop or target where the exchange does not watch them; else hold."""
        s = self.settings
        is_long = view.position_size > 0
        sign = 1 if is_long else -1
        entry = reading.close if view.entry_price is None else view.entry_price
        plan = exits(entry, sign, reading.atr, s, view.instrument)
        exit_level = s.exit_level if is_long else 100 - s.exit_level
        is_back = (reading.rsi - exit_level) * sign >= 0
        stopped = not s.exchange_stops and (reading.close - plan.stop) * sign <= 0
        done = not s.exchange_stops and (reading.close - plan.target) * sign >= 0
        if not (is_back or stopped or done or reports):
            return None
        facts = reading.facts() | {"entry": plain(round_to_tick(entry, view.instrument.size_decimals))}
        waits = f"exit level {plain(exit_level)}"
        if not s.exchange_stops:
            facts |= plan.facts()
            waits = f"stop {facts['stop']}, target {facts['target']}, {waits}"
        facts["exit_level"] = plain(exit_level)
        where = f"close {facts['close']}, {'long' if is_long else 'short'} from {facts['entry']}"
        numbers = f"RSI {facts['rsi']}, ATR {facts['atr']}"
        if stopped:
            return Verdict(Action.CLOSE, f"Stop {facts['stop']} hit: {where}; {numbers}", ONE, facts)
        if done:
            return Verdict(Action.CLOSE, f"Target {facts['target']} hit: {where}; {numbers}", ONE, facts)
        if is_back:
            reach = 100 - exit_level if is_long else exit_level
            confidence = (Decimal("0.5") + abs(reading.rsi - exit_level) / (2 * reach)).quantize(HUNDREDTH)
            back = f"RSI back at {facts['rsi']}, through the exit level {facts['exit_level']}"
            return Verdict(Action.CLOSE, f"{back}; {where}, ATR {facts['atr']}", confidence, facts)
        return hold(f"Holding: {where}; {numbers}; {waits} not reached", facts)

    def _flat(
        self, view: AgentView, reading: Reading, support: Zone | None, resistance: Zone | None, reports: bool
    ) -> Verdict | None:
        """Enter at a level where the RSI is extreme, else hold."""
        s = self.settings
        why: Verdict | str = "no signal"
        if self._is_extreme(reading.rsi):
            sign, zone = (1, support) if reading.rsi <= s.oversold else (-1, resistance)
            if zone is not None:
                if (reading.close - zone.price) * sign > s.near_atr * reading.atr:
                    why = f"{zone.name} is too far away; no signal"
                else:
                    told = f"{self._mood(reading)}, {zone}, ATR {plain(reading.atr)}"
                    facts = reading.facts() | zone.facts()
                    entry = Entry(sign, reading.atr, told, facts, self._confidence(reading, zone, sign))
                    why = enter(view, s, entry, brackets=s.exchange_stops)
        if isinstance(why, Verdict):
            return why
        if not reports:
            return None
        zones = [zone for zone in (support, resistance) if zone is not None]
        facts = reading.facts()
        for zone in zones:
            facts |= zone.facts()
        told = ", ".join(map(str, zones)) or "no support or resistance"
        return hold(f"{self._mood(reading)}, {told}, ATR {facts['atr']}; {why}", facts)

    def _mood(self, reading: Reading) -> str:
        if reading.rsi <= self.settings.oversold:
            mood = "oversold"
        else:
            mood = "overbought" if reading.rsi >= self.settings.overbought else "neutral"
        return f"RSI {mood} at {plain(reading.rsi)}"

    def _confidence(self, reading: Reading, zone: Zone, sign: int) -> Decimal:
        s = self.settings
        if sign > 0:
            depth = (s.oversold - reading.rsi) / s.oversold
        else:
            depth = (reading.rsi - s.overbought) / (100 - s.overbought)
        strength = Decimal(min(zone.touches, indicators.STRONG_TOUCHES)) / indicators.STRONG_TOUCHES
        distance = max(ZERO, (reading.close - zone.price) * sign)
        nearness = 1 - distance / (s.near_atr * reading.atr)
        parts = Decimal("0.25") * depth + Decimal("0.2") * strength + Decimal("0.15") * nearness
        return (Decimal("0.4") + parts).quantize(HUNDREDTH)

    def _zones(self, columns: Columns, atr: float, instrument: Instrument) -> tuple[Zone | None, Zone | None]:
        """Return the nearest support and the nearest resistance."""
        lookback = self.settings.lookback
        found = indicators.levels(columns.highs[-lookback:], columns.lows[-lookback:], atr)
        close = float(columns.closes[-1])

        def zone(name: str, level: Level | None) -> Zone | None:
            if level is None:
                return None
            return Zone(name, round_to_tick(Decimal(level.price), instrument.size_decimals), level.touches)

        return (
            zone("support", indicators.support(found, close, atr)),
            zone("resistance", indicators.resistance(found, close, atr)),
        )
