"""What a language model said becomes decisions: each with its order, or with the reason why it has none."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.agents.asking import AccountView
from trading.agents.base import AgentView, floor_to_lot
from trading.agents.llm.parsing import Refused, Said
from trading.agents.llm.prompt import plain
from trading.agents.llm.schema import Entry
from trading.domain.commands import Bracket, PlaceOrder, SubmitDecision
from trading.domain.enums import Action, DecisionStatus, Side
from trading.domain.money import CONTEXT, LARGEST, decimals

FARTHEST = 2
"""A stop or target is at most so many times, and at least such a part of, the mark: else its scale is wrong."""


class _Forbidden(ValueError):
    pass


@dataclass(frozen=True, slots=True)
class Decisions:
    """Make the decisions of one run. `clean` takes out of each text what may not be stored."""

    model: str
    view: AccountView
    clean: Callable[[str], str]

    def of_reply(self, said: Said) -> tuple[SubmitDecision, ...]:
        """Return a decision for each symbol. What the reply says of no symbol is kept with the first one."""
        found = []
        extra: dict[str, Any] = {"strays": [self.clean(stray) for stray in said.strays]} if said.strays else {}
        for symbol, view in self.view.symbols.items():
            entry = said.entries[symbol]
            found.append(
                self._refused(symbol, entry, extra) if isinstance(entry, Refused) else self._made(entry, view, extra)
            )
            extra = {}
        return tuple(found)

    def holding(self, status: DecisionStatus, why: str) -> tuple[SubmitDecision, ...]:
        """Return decisions to hold, all for the same reason."""
        return tuple(self._hold(symbol, status, why, why, {}) for symbol in self.view.symbols)

    def _made(self, entry: Entry, view: AgentView, extra: dict[str, Any]) -> SubmitDecision:
        given = _given(entry)
        try:
            order = _order(entry, view, self._identity(entry.symbol))
            confidence = _confidence(entry.confidence.value)
        except _Forbidden as error:
            return self._hold(
                entry.symbol, DecisionStatus.INVALID, str(error), entry.reasoning, {"entry": given, **extra}
            )
        facts = {**given, "mark": plain(view.mark), **({"size": plain(order.size)} if order and order.size else {})}
        return self._decision(
            entry.symbol,
            action=entry.action,
            reasoning=self.clean(entry.reasoning),
            confidence=confidence,
            facts={**facts, **extra},
            order=order,
        )

    def _refused(self, symbol: str, refused: Refused, extra: dict[str, Any]) -> SubmitDecision:
        facts = {"entry": self.clean(refused.given)} if refused.given else {}
        return self._hold(symbol, DecisionStatus.INVALID, refused.why, refused.why, {**facts, **extra})

    def _hold(
        self, symbol: str, status: DecisionStatus, why: str, reasoning: str, facts: dict[str, Any]
    ) -> SubmitDecision:
        return self._decision(
            symbol,
            action=Action.HOLD,
            reasoning=self.clean(reasoning),
            facts=facts,
            status=status,
            outcome=self.clean(f"{status.value}: {why}"),
        )

    def _decision(self, symbol: str, **values: Any) -> SubmitDecision:
        return SubmitDecision(
            model=self.model,
            symbol=symbol,
            client_decision_id=self._identity(symbol),
            decided_at=self.view.at,
            decided_mark=self.view.symbols[symbol].mark,
            run_id=self.view.run_id,
            **values,
        )

    def _identity(self, symbol: str) -> str:
        """Name a decision, and its order, by the run: however often a run's decisions are sent, they trade once."""
        run = self.view.at.isoformat() if self.view.run_id is None else self.view.run_id
        return f"{self.model}:{run}:{symbol}"


def _given(entry: Entry) -> dict[str, Any]:
    """Return what an entry asks for, as facts."""
    figures = {
        "notional": entry.notional,
        "stop_loss": entry.stop_loss,
        "take_profit": entry.take_profit,
    }
    facts: dict[str, Any] = {name: plain(each.value) for name, each in figures.items() if each is not None}
    if entry.leverage is not None:
        facts["leverage"] = entry.leverage
    return {"action": entry.action.value, **facts}


def _confidence(given: Decimal) -> Decimal:
    if not 0 <= given <= 1:
        raise _Forbidden(f"confidence {plain(given)} is not from 0 to 1")
    if decimals(given) > 4:
        raise _Forbidden("confidence has more than 4 decimals")
    return given


def _order(entry: Entry, view: AgentView, client_order_id: str) -> PlaceOrder | None:
    """Return the order that an entry asks for. Raise `_Forbidden` for what it may not ask."""
    if entry.action in (Action.HOLD, Action.CLOSE):
        for name in ("notional", "leverage", "stop_loss", "take_profit"):
            if getattr(entry, name) is not None:
                raise _Forbidden(f"{name} must be null for {entry.action}")
        return None if entry.action is Action.HOLD else _close(view, client_order_id)
    side = Side.BUY if entry.action is Action.BUY else Side.SELL
    return PlaceOrder(
        symbol=view.symbol,
        side=side,
        size=_size(entry, view),
        leverage=_leverage(entry, view),
        client_order_id=client_order_id,
        stop_loss=_bracket("stop_loss", entry, view, -side.sign),
        take_profit=_bracket("take_profit", entry, view, side.sign),
    )


def _close(view: AgentView, client_order_id: str) -> PlaceOrder:
    if not view.position_size:
        raise _Forbidden(f"there is no position in {view.symbol} to close")
    side = Side.SELL if view.position_size > 0 else Side.BUY
    return PlaceOrder(view.symbol, side, abs(view.position_size), reduce_only=True, client_order_id=client_order_id)


def _size(entry: Entry, view: AgentView) -> Decimal:
    if entry.notional is None:
        raise _Forbidden(f"notional is missing for {entry.action}")
    notional = entry.notional.value
    if not 0 < notional < LARGEST:
        raise _Forbidden(f"notional {plain(notional)} must be greater than 0 and less than {plain(LARGEST)}")
    size = floor_to_lot(CONTEXT.divide(notional, view.mark), view.instrument)
    if size <= 0:
        raise _Forbidden(f"notional {plain(notional)} is less than a lot of {view.symbol} is worth")
    return size


def _leverage(entry: Entry, view: AgentView) -> int:
    if entry.leverage is None:
        raise _Forbidden(f"leverage is missing for {entry.action}")
    if entry.leverage > view.instrument.max_leverage:
        raise _Forbidden(
            f"leverage {entry.leverage} is over the most that {view.symbol} has, {view.instrument.max_leverage}"
        )
    return entry.leverage


def _bracket(name: str, entry: Entry, view: AgentView, sign: int) -> Bracket | None:
    """Return a bracket above (sign 1) or below (sign -1) the mark."""
    given = getattr(entry, name)
    if given is None:
        return None
    price: Decimal = given.value
    if (price - view.mark) * sign <= 0:
        where = "above" if sign > 0 else "below"
        raise _Forbidden(f"{name} {plain(price)} of a {entry.action} must be {where} the mark, {plain(view.mark)}")
    if not view.mark <= price * FARTHEST <= view.mark * FARTHEST**2:
        raise _Forbidden(f"{name} {plain(price)} is further than half or double the mark, {plain(view.mark)}")
    if not view.instrument.price_is_valid(price):
        raise _Forbidden(
            f"{name} {plain(price)} is not on the tick: an integer, or at most 5 significant figures and "
            f"{view.instrument.price_decimals} decimals"
        )
    return Bracket(price)
