"""Buy oversold at support, sell overbought at resistance."""

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from trading.agents import indicators
from trading.agents.base import AgentView, Verdict, floor_to_lot
from trading.agents.indicators import Columns, Level
from trading.agents.rsi_settings import RsiSettings
from trading.domain.enums import Action
from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.money import CONTEXT, ZERO

ONE = Decimal(1)
TENTH = Decimal("0.1")
HUNDREDTH = Decimal("0.01")
ATR_FIGURES = Context(prec=4)
MARGIN_USE = Decimal("0.9")
"""Part of the equity that may become margin; the rest pays for spread and fees."""
SETTLED = 10
"""Wilder's averages remember for ever; after this many periods what came before the window has no weight left."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The numbers of one closed bar as they are decided on and shown: nothing is rounded afterwards."""

    close: Decimal
    rsi: Decimal
    atr: Decimal

    def facts(self) -> dict[str, Any]:
        return {"rsi": _plain(self.rsi), "atr": _plain(self.atr), "close": _plain(self.close)}


@dataclass(frozen=True, slots=True)
class Zone:
    """A support or a resistance, its price on the tick."""

    name: str
    price: Decimal
    touches: int

    def __str__(self) -> str:
        strong = "strong " if indicators.is_strong(self.touches) else ""
        times = "1 touch" if self.touches == 1 else f"{self.touches} touches"
        return f"{strong}{self.name} at {_plain(self.price)} ({times})"

    def facts(self) -> dict[str, Any]:
        return {self.name: _plain(self.price), f"{self.name}_touches": self.touches}


class RsiSupportResistance:
    """Wilder's RSI with support and resistance, on closed bars.

    Flat: buy where RSI <= oversold and the close is at most ``near_atr * ATR`` above a support; sell short mirrored at
    a resistance. In a position: close where the bar closed beyond the stop (``entry - side * stop_atr * ATR``) or the
    target (``entry + side * target_atr * ATR``), or the RSI is back through the exit level. Else hold. The size of an
    entry loses `risk_pct` of the equity at the stop: ``equity * risk_pct / 100 / (stop_atr * ATR)``, clipped to the
    symbol's share of what the leverage allows.

    Confidence of an entry: ``0.4 + 0.25 * depth + 0.2 * strength + 0.15 * nearness``, each part from 0 to 1: depth is
    how far the RSI is beyond its threshold, strength the level's touches out of 3, nearness 1 at the level and 0 at
    ``near_atr * ATR`` from it. Of an exit: 1 at stop or target, else 0.5 rising to 1 as the RSI runs to its far end.
    A hold claims none.
    """

    name = "rsi_support_resistance"
    settings_type = RsiSettings

    def __init__(self, settings: RsiSettings) -> None:
        self.settings = settings
        self.symbols = settings.symbols
        self.bars_needed = max(settings.lookback, SETTLED * max(settings.period, settings.atr_period) + 1)
        self._columns: dict[str, Columns] = {}
        """The last window of each symbol, so that the next one need not be read anew."""

    def decide(self, view: AgentView) -> Verdict | None:
        """Decide about the bar that just closed; None for a hold that is not due to be reported."""
        bars = view.bars[-self.bars_needed :]
        reports = bool(bars) and bars[-1].number % self.settings.every == 0
        if len(bars) < self.bars_needed:
            return _warming_up(len(bars), self.bars_needed) if reports else None
        columns = self._columns[view.symbol] = Columns.of(bars, self._columns.get(view.symbol))
        rsi = indicators.rsi(columns.closes, self.settings.period)
        if rsi is None:
            return _flat_market(len(bars)) if reports else None
        value = Decimal(rsi).quantize(TENTH)
        if not (reports or view.position_size or self._is_extreme(value)):
            return None
        atr = indicators.atr(columns.highs, columns.lows, columns.closes, self.settings.atr_period)
        if not atr:
            return _flat_market(len(bars)) if reports else None
        reading = Reading(bars[-1].close, value, +ATR_FIGURES.create_decimal_from_float(atr))
        if view.position_size:
            return self._in_position(view, reading, reports)
        support, resistance = self._zones(columns, atr, view.instrument)
        return self._flat(view, reading, support, resistance, reports)

    def _is_extreme(self, rsi: Decimal) -> bool:
        return rsi <= self.settings.oversold or (self.settings.allow_short and rsi >= self.settings.overbought)

    def _in_position(self, view: AgentView, reading: Reading, reports: bool) -> Verdict | None:
        """Close at stop, target or the RSI's exit level, else hold."""
        s = self.settings
        is_long = view.position_size > 0
        sign = 1 if is_long else -1
        entry = reading.close if view.entry_price is None else view.entry_price
        stop, target = self._exits(entry, sign, reading.atr, view.instrument)
        exit_level = s.exit_level if is_long else 100 - s.exit_level
        facts = reading.facts() | {
            "entry": _plain(round_to_tick(entry, view.instrument.size_decimals)),
            "stop": _plain(stop),
            "target": _plain(target),
            "exit_level": _plain(exit_level),
        }
        where = f"close {facts['close']}, {'long' if is_long else 'short'} from {facts['entry']}"
        numbers = f"RSI {facts['rsi']}, ATR {facts['atr']}"
        if (reading.close - stop) * sign <= 0:
            return Verdict(Action.CLOSE, f"Stop {facts['stop']} hit: {where}; {numbers}", ONE, facts)
        if (reading.close - target) * sign >= 0:
            return Verdict(Action.CLOSE, f"Target {facts['target']} hit: {where}; {numbers}", ONE, facts)
        if (reading.rsi - exit_level) * sign >= 0:
            reach = 100 - exit_level if is_long else exit_level
            confidence = (Decimal("0.5") + abs(reading.rsi - exit_level) / (2 * reach)).quantize(HUNDREDTH)
            back = f"RSI back at {facts['rsi']}, through the exit level {facts['exit_level']}"
            return Verdict(Action.CLOSE, f"{back}; {where}, ATR {facts['atr']}", confidence, facts)
        if not reports:
            return None
        plan = f"stop {facts['stop']}, target {facts['target']}, exit level {facts['exit_level']}"
        return Verdict(Action.HOLD, f"Holding: {where}; {numbers}; {plan} not reached", None, facts)

    def _flat(
        self, view: AgentView, reading: Reading, support: Zone | None, resistance: Zone | None, reports: bool
    ) -> Verdict | None:
        """Enter at a level where the RSI is extreme, else hold."""
        s = self.settings
        why = "no signal"
        if self._is_extreme(reading.rsi):
            sign, zone = (1, support) if reading.rsi <= s.oversold else (-1, resistance)
            if zone is not None:
                distance = (reading.close - zone.price) * sign
                if distance > s.near_atr * reading.atr:
                    why = f"{zone.name} is too far away; no signal"
                elif (size := self._size(view, reading)) * view.mark < view.instrument.min_notional:
                    why = "the size that the risk allows is below the least notional"
                else:
                    return self._enter(view, reading, zone, sign, size)
        if not reports:
            return None
        zones = [zone for zone in (support, resistance) if zone is not None]
        facts = reading.facts()
        for zone in zones:
            facts |= zone.facts()
        told = ", ".join(map(str, zones)) or "no support or resistance"
        return Verdict(Action.HOLD, f"{self._mood(reading)}, {told}, ATR {facts['atr']}; {why}", None, facts)

    def _enter(self, view: AgentView, reading: Reading, zone: Zone, sign: int, size: Decimal) -> Verdict:
        stop, target = self._exits(reading.close, sign, reading.atr, view.instrument)
        facts = reading.facts() | zone.facts()
        facts |= {"stop": _plain(stop), "target": _plain(target), "size": _plain(size)}
        plan = f"stop {facts['stop']}, target {facts['target']}"
        return Verdict(
            action=Action.BUY if sign > 0 else Action.SELL,
            reasoning=f"{self._mood(reading)}, {zone}, ATR {facts['atr']}; {plan}",
            confidence=self._confidence(reading, zone, sign),
            facts=facts,
            size=size,
            leverage=min(self.settings.leverage, view.instrument.max_leverage),
        )

    def _mood(self, reading: Reading) -> str:
        if reading.rsi <= self.settings.oversold:
            mood = "oversold"
        else:
            mood = "overbought" if reading.rsi >= self.settings.overbought else "neutral"
        return f"RSI {mood} at {_plain(reading.rsi)}"

    def _exits(self, entry: Decimal, sign: int, atr: Decimal, instrument: Instrument) -> tuple[Decimal, Decimal]:
        """Return stop and target, on the tick, for a position of this sign."""
        tick = instrument.size_decimals
        stop, target = entry - sign * self.settings.stop_atr * atr, entry + sign * self.settings.target_atr * atr
        least = Decimal(1).scaleb(-instrument.price_decimals)
        return round_to_tick(max(stop, least), tick), round_to_tick(max(target, least), tick)

    def _size(self, view: AgentView, reading: Reading) -> Decimal:
        s = self.settings
        at_risk = max(ZERO, view.equity) * s.risk_pct / 100
        leverage = min(s.leverage, view.instrument.max_leverage)
        most = max(ZERO, view.equity) * leverage * MARGIN_USE / len(self.symbols) / view.mark
        return floor_to_lot(min(CONTEXT.divide(at_risk, s.stop_atr * reading.atr), most), view.instrument)

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


def _plain(value: Decimal) -> str:
    """Write a number without exponent and without trailing zeros: the same in the facts as in the reasoning."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _warming_up(have: int, needed: int) -> Verdict:
    facts = {"bars": have, "bars_needed": needed}
    return Verdict(Action.HOLD, f"Warming up: {have} of {needed} bars; no signal", None, facts)


def _flat_market(bars: int) -> Verdict:
    return Verdict(Action.HOLD, f"The price has not moved in {bars} bars; no signal", None, {"bars": bars})
