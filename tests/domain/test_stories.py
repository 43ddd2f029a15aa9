"""The stories go where the rules are: a promise that no story comes near is held by nobody."""

from collections.abc import Iterator

from hypothesis import given, seed, settings

from tests.domain.stories import Asked, Step, stories, told
from trading.domain.commands import AmendOrder
from trading.domain.decider import Accepted
from trading.domain.facts import OrderChanged, TradeExecuted

ENDS = {
    "canceled",
    "market_canceled",
    "ioc_canceled",
    "reduce_only_canceled",
    "parent_canceled",
    "sibling_filled_canceled",
    "margin_canceled",
    "scheduled_cancel",
}
FILLS = {"taker fill", "maker fill", "isolated fill", "closing fill", "flip", "partly filled", "fill after arrival"}
OTHER = {"fired", "bracket awake", "amended", "amended on its way", "amended in its queue", "follows the position"}


def met(step: Step) -> Iterator[str]:
    """Name what a step met with."""
    if not isinstance(step.decided, Accepted):
        return
    state = step.decided.state
    for fact in step.decided.facts:
        if isinstance(fact, OrderChanged):
            order, before = fact.order, step.before.orders.get(fact.order.ref)
            yield order.reason
            yield "partly filled" if order.is_open and order.filled_size else ""
            yield "fired" if order.triggered_at and before and not before.triggered_at else ""
            yield "bracket awake" if before and before.awaits_parent and not order.awaits_parent else ""
            yield "follows the position" if before and order.whole_position and order.size != before.size else ""
        if isinstance(fact, TradeExecuted):
            yield f"{fact.liquidity} fill"
            yield "closing fill" if fact.pnl is not None else ""
            yield "flip" if fact.pnl is not None and fact.size > abs(fact.start_position) else ""
            yield "isolated fill" if state.positions[fact.symbol].is_isolated else ""
            before = step.before.orders.get(fact.order_ref)
            yield "fill after arrival" if before and before.active_at else ""
    if isinstance(step.command, AmendOrder) and step.decided.facts:
        [order] = step.decided.orders
        yield "amended"
        yield "amended on its way" if order.active_at else ""
        yield "amended in its queue" if order.is_open and order.requeued_at == step.now else ""


def test_stories_meet_with_all_that_is_promised_about() -> None:
    found: set[str] = set()

    def tell(story: list[Asked]) -> None:
        found.update(name for step in told(story) for name in met(step))

    for number in range(4):
        seed(number)(settings(max_examples=200, database=None)(given(stories)(tell)))()
    assert (ENDS | FILLS | OTHER) - found == set()
