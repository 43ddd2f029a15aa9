"""What a model sees, what it may answer, and how its answer becomes a command."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any, Protocol

from trading.domain.commands import Bracket, PlaceOrder, SubmitDecision
from trading.domain.enums import Action, Side
from trading.domain.instruments import Instrument
from trading.domain.market import Bar
from trading.domain.money import CONTEXT


@dataclass(frozen=True, slots=True)
class AgentView:
    """One symbol as a model sees it, right after a bar closed.

    `bars` are closed ones, oldest first, the last one just closed; at least as many as the model's `bars_needed`, as
    soon as there are so many. `mark` and `entry_price` in USDC (`entry_price` None when flat), `position_size` in
    units, negative when short, `equity` of the whole account in USDC.
    """

    symbol: str
    instrument: Instrument
    bars: Sequence[Bar]
    mark: Decimal
    equity: Decimal
    position_size: Decimal = Decimal(0)
    entry_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model decided about one symbol, and why.

    `confidence` is a fraction from 0 to 1. `facts` are JSON: the numbers in `reasoning`, decimals as strings. `size` in
    units, for `buy` and `sell` only; a `close` closes the whole position. `leverage` None: what the position has.
    """

    action: Action
    reasoning: str
    confidence: Decimal | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    size: Decimal | None = None
    leverage: int | None = None
    reduce_only: bool = False
    stop_loss: Decimal | None = None
    """The mark (USDC) at which the exchange is to close what this opens, at a loss."""
    take_profit: Decimal | None = None
    """The mark (USDC) at which the exchange is to close what this opens, at a profit."""


class Agent(Protocol):
    """A model: it looks at one symbol at a time, has no clock and does no bookkeeping of its own."""

    @property
    def name(self) -> str:
        """The name that it is registered by and signs its decisions with."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that it trades."""

    @property
    def bars_needed(self) -> int:
        """How many closed bars it looks at; it ignores older ones."""

    def decide(self, view: AgentView) -> Verdict | None:
        """Decide about the bar that just closed, or return None where there is nothing to report about it."""


def to_command(model: str, view: AgentView, verdict: Verdict) -> SubmitDecision:
    """Return the command that submits a verdict, with the market order that follows from it.

    Its ids are made of the model's name, the symbol and the bar's number: the same bar is never acted on twice, however
    often the command is sent. Sizes are floored to the lot; a verdict to trade less than a lot is submitted without an
    order.
    """
    identity = f"{model}:{view.symbol}:{view.bars[-1].number}"
    return SubmitDecision(
        model=model,
        symbol=view.symbol,
        action=verdict.action,
        reasoning=verdict.reasoning,
        confidence=verdict.confidence,
        facts=verdict.facts,
        client_decision_id=identity,
        order=_order(view, verdict, identity),
        decided_mark=view.mark,
    )


def floor_to_lot(size: Decimal, instrument: Instrument) -> Decimal:
    """Cut a size, units, to a multiple of the lot."""
    return size.quantize(Decimal(1).scaleb(-instrument.size_decimals), ROUND_DOWN, CONTEXT)


def _order(view: AgentView, verdict: Verdict, client_order_id: str) -> PlaceOrder | None:
    match verdict.action:
        case Action.HOLD:
            return None
        case Action.CLOSE:
            side, size, reduce_only = _closing(view)
        case Action.BUY | Action.SELL:
            side = Side.BUY if verdict.action is Action.BUY else Side.SELL
            size, reduce_only = verdict.size or Decimal(0), verdict.reduce_only
    size = floor_to_lot(size, view.instrument)
    if size <= 0:
        return None
    return PlaceOrder(
        symbol=view.symbol,
        side=side,
        size=size,
        reduce_only=reduce_only,
        leverage=verdict.leverage,
        client_order_id=client_order_id,
        stop_loss=_bracket(verdict.stop_loss),
        take_profit=_bracket(verdict.take_profit),
    )


def _bracket(trigger: Decimal | None) -> Bracket | None:
    return None if trigger is None else Bracket(trigger)


def _closing(view: AgentView) -> tuple[Side, Decimal, bool]:
    side = Side.SELL if view.position_size > 0 else Side.BUY
    return side, abs(view.position_size), True
