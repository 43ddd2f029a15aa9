"""The exchange: what a command does to an account in a market, or why it is refused.

`decide` is pure. Same state, command, market and time: the same answer, always.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import localcontext

from trading.domain import (
    amending,
    brackets,
    canceling,
    firing,
    house,
    liquidation,
    matching,
    placing,
    settling,
)
from trading.domain.commands import (
    AmendOrder,
    CancelAfter,
    CancelAllOrders,
    CancelAtDeadline,
    CancelOrder,
    ClosePosition,
    Command,
    FireTrigger,
    Liquidate,
    MatchOrder,
    MoveCash,
    PlaceOrder,
    RecordEquity,
    SettleFunding,
    SubmitDecision,
    TakeOver,
)
from trading.domain.enums import DecisionStatus, LedgerKind
from trading.domain.errors import InsufficientMargin, OrderRejected, Rejection
from trading.domain.facts import CashMoved, DecisionRecorded, Fact
from trading.domain.journal import Journal
from trading.domain.market import Market
from trading.domain.money import CONTEXT
from trading.domain.orders import Order
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.risk import withdrawable
from trading.domain.state import AccountState
from trading.domain.values import replace


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
    for_house: tuple[TakeOver, ...] = ()
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
        case ClosePosition():
            return _close(state, command, market, now, policies)
        case AmendOrder():
            journal = Journal(state, market, now, policies)
            return _accepted(journal, amending.amend(journal, command, policies))
        case CancelOrder():
            journal = Journal(state, market, now, policies)
            return _accepted(journal, canceling.cancel(journal, command))
        case CancelAllOrders():
            journal = Journal(state, market, now, policies)
            return _accepted(journal, canceling.cancel_all(journal, command))
        case CancelAfter():
            journal = Journal(state, market, now, policies)
            canceling.cancel_after(journal, command)
            return _accepted(journal)
        case CancelAtDeadline():
            journal = Journal(state, market, now, policies)
            return _accepted(journal, canceling.cancel_at_deadline(journal))
        case MatchOrder():
            journal = Journal(state, market, now, policies)
            matching.match(journal, command.order_id)
            return _accepted(journal)
        case FireTrigger():
            journal = Journal(state, market, now, policies)
            firing.fire(journal, command.order_id)
            return _accepted(journal)
        case Liquidate():
            journal = Journal(state, market, now, policies)
            for_house = () if state.is_house else liquidation.liquidate(journal, policies)
            return replace(_accepted(journal), for_house=for_house)
        case TakeOver():
            journal = Journal(state, market, now, policies)
            house.take_over(journal, command)
            return _accepted(journal)
        case RecordEquity():
            journal = Journal(state, market, now, policies)
            journal.record_equity()
            return _accepted(journal)
        case SettleFunding():
            journal = Journal(state, market, now, policies)
            is_new = settling.settle(journal, command)
            return replace(_accepted(journal), duplicate=not is_new)
        case MoveCash():
            return _move_cash(state, command, market, now, policies)
        case SubmitDecision():
            return _submit_decision(state, command, market, now, policies)
    raise NotImplementedError(type(command).__name__)


def _accepted(journal: Journal, orders: tuple[Order, ...] = ()) -> Accepted:
    brackets.settle(journal)
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
    journal = Journal(state, market, now, policies)
    return _accepted(journal, placing.place(journal, command, policies, decision_ref))


def _close(state: AccountState, command: ClosePosition, market: Market, now: datetime, policies: Policies) -> Accepted:
    earlier = placing.earlier_order(state, command)
    if earlier is not None:
        return Accepted(state, orders=(earlier,), duplicate=True)
    journal = Journal(state, market, now, policies)
    return _accepted(journal, placing.close(journal, command, policies))


def _move_cash(state: AccountState, command: MoveCash, market: Market, now: datetime, policies: Policies) -> Accepted:
    wrong_way = {LedgerKind.DEPOSIT: command.amount < 0, LedgerKind.WITHDRAWAL: command.amount > 0}
    if not command.amount or wrong_way.get(command.kind):
        raise OrderRejected(
            "A deposit must be positive, a withdrawal negative, and nothing 0.", reason="amount_rejected"
        )
    if command.kind is LedgerKind.WITHDRAWAL:
        free = withdrawable(state, market, share=policies.withdrawable_share)
        if -command.amount > free:
            raise InsufficientMargin(-command.amount, free)
    cash = state.cash + command.amount
    day = state.day.rolled(now)
    if command.kind is not LedgerKind.FUNDING:
        day = day.deposited(command.amount)
    journal = Journal(replace(state, cash=cash, day=day), market, now, policies)
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
    status, outcome = command.status, command.outcome or "no order"
    if command.order is not None:
        try:
            placed = _place(after, command.order, market, now, policies, decision_ref=ref)
            status, outcome = DecisionStatus.ACCEPTED, _told_outcome(placed.orders[0])
        except Rejection as error:
            status = DecisionStatus.REFUSED
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
        status=status,
        decided_at=command.decided_at,
        mark=command.decided_mark,
        run_id=command.run_id,
    )
    if placed is None:
        return Accepted(after, (decision,), decision=ref)
    return Accepted(placed.state, (decision, *placed.facts), orders=placed.orders, decision=ref)


def _told_outcome(order: Order) -> str:
    if order.average_price is None:
        return f"order {order.status}"
    return f"{order.side} {order.filled_size.normalize():f} filled at {order.average_price.normalize():f}"
