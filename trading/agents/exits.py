"""What rules share: where they leave, how much they risk, and the entry that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.agents.base import AgentView, Verdict, floor_to_lot
from trading.agents.rule_settings import RuleSettings
from trading.agents.telling import plain
from trading.domain.enums import Action
from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.money import CONTEXT, ZERO

MARGIN_USE = Decimal("0.9")
"""Part of the equity that may become margin; the rest pays for spread and fees."""


@dataclass(frozen=True, slots=True)
class Exits:
    """Where a position is left, at a loss and at a profit: USDC, on the tick."""

    stop: Decimal
    target: Decimal

    def facts(self) -> dict[str, Any]:
        return {"stop": plain(self.stop), "target": plain(self.target)}


def exits(entry: Decimal, sign: int, atr: Decimal, settings: RuleSettings, instrument: Instrument) -> Exits:
    """Return ``entry - sign * stop_atr * ATR`` and ``entry + sign * target_atr * ATR``, never below the least price."""
    tick, least = instrument.size_decimals, Decimal(1).scaleb(-instrument.price_decimals)
    stop, target = entry - sign * settings.stop_atr * atr, entry + sign * settings.target_atr * atr
    return Exits(round_to_tick(max(stop, least), tick), round_to_tick(max(target, least), tick))


def most_size(view: AgentView, leverage: int, symbols: int) -> Decimal:
    """Return the size, units, that the symbol's share of the leveraged equity pays for."""
    leverage = min(leverage, view.instrument.max_leverage)
    return CONTEXT.divide(max(ZERO, view.equity) * leverage * MARGIN_USE, symbols * view.mark)


def size_of(view: AgentView, settings: RuleSettings, atr: Decimal) -> Decimal:
    """Return ``equity * risk_pct / 100 / (stop_atr * ATR)``, clipped by the leverage and floored to the lot."""
    at_risk = max(ZERO, view.equity) * settings.risk_pct / 100
    most = most_size(view, settings.leverage, len(settings.symbols))
    return floor_to_lot(min(CONTEXT.divide(at_risk, settings.stop_atr * atr), most), view.instrument)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a rule would enter on: `sign` 1 long, -1 short. `told` and `facts` say why; the exits are added to both."""

    sign: int
    atr: Decimal
    told: str
    facts: Mapping[str, Any]
    confidence: Decimal | None = None


def enter(view: AgentView, settings: RuleSettings, entry: Entry, *, brackets: bool = True) -> Verdict | str:
    """Return the verdict that enters, with stop and target for the exchange to watch; or why it can't be done."""
    close = view.bars[-1].close
    plan = exits(close, entry.sign, entry.atr, settings, view.instrument)
    if (size := size_of(view, settings, entry.atr)) * view.mark < view.instrument.min_notional:
        return "the size that the risk allows is below the least notional"
    if brackets and not min(plan.stop, plan.target) < view.mark < max(plan.stop, plan.target):
        return "the stop or the target is at the price already"
    facts = {**entry.facts, **plan.facts(), "size": plain(size)}
    return Verdict(
        action=Action.BUY if entry.sign > 0 else Action.SELL,
        reasoning=f"{entry.told}; stop {facts['stop']}, target {facts['target']}",
        confidence=entry.confidence,
        facts=facts,
        size=size,
        leverage=min(settings.leverage, view.instrument.max_leverage),
        stop_loss=plan.stop if brackets else None,
        take_profit=plan.target if brackets else None,
    )
