"""The exchange: what a command does to an account in a market, or why it is refused.

`decide` is pure. Same state, command, market and time: the same answer, always.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import localcontext

from trading.domain import matching, placing
from trading.domain.commands import (
    CancelAllOrders,
    CancelOrder,
    Command,
    MatchOrder,
    MoveCash,
    PlaceOrder,
    RecordEquity,
    SubmitDecision,
    TakeOver,
)
from trading.domain.enums import LedgerKind
from trading.domain.errors import InsufficientMargin, NotFound, NotOpen, OrderRejected, Rejection
from trading.domain.facts import CashMoved, DecisionRecorded, Fact, OrderChanged
from trading.domain.journal import Journal
from trading.domain.margin import margin_used, withdrawable
from trading.domain.market import Market
from trading.domain.money import CONTEXT, ZERO
from trading.domain.orders import Order
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.state import AccountState


@dataclass(frozen=True, slots=True)
class Accepted:
    """`orders` are those that the command placed, named or canceled; `duplicate`: nothing new was done.

    `decision` is the id (or, negative, the ref) of the decision submitted.
    """

    state: AccountState
    facts: tuple[Fact, ...] = ()
    orders: tuple[Order, ...] = ()
    duplicate: bool = False
    decision: int | None = None
    for_house: TakeOver | None = None
    """What the house has to take over in the same transaction."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The command did nothing; `state` is the one that was given."""

    state: AccountState
    error: Rejection


def decide(
    state: AccountState, command: Command, market: Market, now: datetime, policies: Policies = DEFAULTS
) -> Accepted | Rejected:
    """Decide one command. `now` is UTC; the market remembers what accepted fills took from its books."""
    with localcontext(CONTEXT):
        try:
            return _decide(state, command, market, now, policies)
        except Rejection as error:
            return Rejected(state, error)


def _decide(state: AccountState, command: Command, market: Market, now: datetime, policies: Policies) -> Accepted:
    match command:
        case PlaceOrder():
            return _place(state, command, market, now, policies)
        case CancelOrder():
            return _cancel(state, command, now)
        case CancelAllOrders():
            return _cancel_all(state, command, now)
        case MatchOrder():
            journal = Journal(state, market, now)
            matching.match(journal, command.order_id)
            return _accepted(journal)
        case RecordEquity():
            journal = Journal(state, market, now)
            journal.record_equity()
            return _accepted(journal)
        case MoveCash():
            return _move_cash(state, command, market, now)
        case SubmitDecision():
            return _submit_decision(state, command, market, now, policies)
    raise NotImplementedError(type(command).__name__)


def _accepted(journal: Journal, orders: tuple[Order, ...] = ()) -> Accepted:
    facts = journal.finish()  # which may still change the state
    return Accepted(journal.state, facts, orders)


def _place(
    state: AccountState,
    command: PlaceOrder,
    market: Market,
    now: datetime,
    policies: Policies,
    decision_ref: int | None = None,
) -> Accepted:
    earlier = placing.earlier_order(state, command)
    if earlier is not None:
        return Accepted(state, orders=(earlier,), duplicate=True)
    journal = Journal(state, market, now)
    order = placing.place(journal, command, policies, decision_ref)
    return _accepted(journal, orders=(order,))


def _cancel(state: AccountState, command: CancelOrder, now: datetime) -> Accepted:
    order = state.order_by_client_id(command.client_order_id)
    if command.order_id is not None:
        order = state.orders.get(command.order_id)
    if order is None:
        raise NotFound("This account has no such order; check order_id or client_order_id.")
    if not order.is_open:
        raise NotOpen(order.status)
    canceled = order.canceled("canceled", now)
    return Accepted(state.with_order(canceled), (OrderChanged(canceled, created=False),), orders=(canceled,))


def _cancel_all(state: AccountState, command: CancelAllOrders, now: datetime) -> Accepted:
    canceled = tuple(
        order.canceled("canceled", now)
        for order in state.open_orders()
        if command.symbol is None or order.symbol == command.symbol
    )
    after = replace(state, orders={**state.orders, **{order.ref: order for order in canceled}})
    return Accepted(after, tuple(OrderChanged(order, created=False) for order in canceled), orders=canceled)


def _move_cash(state: AccountState, command: MoveCash, market: Market, now: datetime) -> Accepted:
    wrong_way = {LedgerKind.DEPOSIT: command.amount < 0, LedgerKind.WITHDRAWAL: command.amount > 0}
    if not command.amount or wrong_way.get(command.kind):
        raise OrderRejected(
            "A deposit must be positive, a withdrawal negative, and nothing 0.", reason="amount_rejected"
        )
    if command.kind is LedgerKind.WITHDRAWAL:
        marks = state.marks(market)
        notional = sum((p.value(marks[p.symbol]) for p in state.positions.values() if p.is_open), ZERO)
        used = margin_used(state.positions.values(), marks)
        free = withdrawable(state.equity(market), used, notional, state.order_margin())
        if -command.amount > free:
            raise InsufficientMargin(-command.amount, free)
    cash = state.cash + command.amount
    day = state.day.rolled(now)
    if command.kind is not LedgerKind.FUNDING:
        day = day.deposited(command.amount)
    journal = Journal(replace(state, cash=cash, day=day), market, now)
    journal.tell(CashMoved(command.kind, command.amount, cash, command.reason, now))
    journal.record_equity()
    return _accepted(journal)


def _submit_decision(
    state: AccountState, command: SubmitDecision, market: Market, now: datetime, policies: Policies
) -> Accepted:
    earlier = state.decisions.get(command.client_decision_id or "")
    if earlier is not None:
        return Accepted(state, duplicate=True, decision=earlier)
    market.instrument(command.symbol)
    ref = state.next_ref
    after = replace(state, next_ref=ref - 1)
    if command.client_decision_id:
        after = replace(after, decisions={**after.decisions, command.client_decision_id: ref})
    placed: Accepted | None = None
    outcome = "no order"
    if command.order is not None:
        try:
            placed = _place(after, command.order, market, now, policies, decision_ref=ref)
            outcome = _told_outcome(placed.orders[0])
        except Rejection as error:
            outcome = f"refused, {error.reason or error.code}: {error.message}"
    decision = DecisionRecorded(
        ref=ref,
        model=command.model,
        symbol=command.symbol,
        action=command.action,
        reasoning=command.reasoning,
        confidence=command.confidence,
        outcome=outcome,
        client_decision_id=command.client_decision_id,
        order_ref=placed.orders[0].ref if placed else None,
        at=now,
        facts=command.facts,
    )
    if placed is None:
        return Accepted(after, (decision,), decision=ref)
    return Accepted(placed.state, (decision, *placed.facts), orders=placed.orders, decision=ref)


def _told_outcome(order: Order) -> str:
    if order.average_price is None:
        return f"order {order.status}"
    return f"{order.side} {order.filled_size.normalize():f} filled at {order.average_price.normalize():f}"
