"""The exchange: what a command does to an account in a market, or why it is refused.

`decide` is pure. Same state, command, market and time: the same answer, always.
"""

from datetime import datetime
from decimal import localcontext

from trading.domain import (
    amending,
    canceling,
    firing,
    following,
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
from trading.domain.enums import LedgerKind
from trading.domain.errors import InsufficientMargin, OrderRejected, Rejection
from trading.domain.facts import CashMoved
from trading.domain.journal import Journal
from trading.domain.market import Market
from trading.domain.money import CONTEXT
from trading.domain.outcomes import Accepted, Rejected, accepted
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.risk import withdrawable
from trading.domain.state import AccountState
from trading.domain.values import replace

__all__ = ["Accepted", "Rejected", "decide"]


def decide(
    state: AccountState, command: Command, market: Market, now: datetime, policies: Policies = DEFAULTS
) -> Accepted | Rejected:
    """Decide one command. `now` is UTC; the market remembers what accepted fills took from its books."""
    with localcontext(CONTEXT):
        try:
            return _decide(state, command, market, now, policies)
        except Rejection as error:
            return Rejected(state, error)


def _decide(
    state: AccountState, command: Command, market: Market, now: datetime, policies: Policies
) -> Accepted | Rejected:
    match command:
        case PlaceOrder():
            return following.place(state, command, market, now, policies)
        case ClosePosition():
            return _close(state, command, market, now, policies)
        case AmendOrder():
            journal = Journal(state, market, now, policies)
            return accepted(journal, amending.amend(journal, command, policies))
        case CancelOrder():
            journal = Journal(state, market, now, policies)
            return accepted(journal, canceling.cancel(journal, command))
        case CancelAllOrders():
            journal = Journal(state, market, now, policies)
            return accepted(journal, canceling.cancel_all(journal, command))
        case CancelAfter():
            journal = Journal(state, market, now, policies)
            canceling.cancel_after(journal, command)
            return accepted(journal)
        case CancelAtDeadline():
            journal = Journal(state, market, now, policies)
            return accepted(journal, canceling.cancel_at_deadline(journal))
        case MatchOrder():
            journal = Journal(state, market, now, policies)
            matching.match(journal, command.order_id)
            return accepted(journal)
        case FireTrigger():
            journal = Journal(state, market, now, policies)
            firing.fire(journal, command.order_id)
            return accepted(journal)
        case Liquidate():
            journal = Journal(state, market, now, policies)
            for_house = () if state.is_house else liquidation.liquidate(journal, policies)
            return replace(accepted(journal), for_house=for_house)
        case TakeOver():
            journal = Journal(state, market, now, policies)
            house.take_over(journal, command)
            return accepted(journal)
        case RecordEquity():
            journal = Journal(state, market, now, policies)
            journal.record_equity()
            return accepted(journal)
        case SettleFunding():
            journal = Journal(state, market, now, policies)
            is_new = settling.settle(journal, command)
            return replace(accepted(journal), duplicate=not is_new)
        case MoveCash():
            return _move_cash(state, command, market, now, policies)
        case SubmitDecision():
            return following.submit(state, command, market, now, policies)
    raise NotImplementedError(type(command).__name__)


def _close(state: AccountState, command: ClosePosition, market: Market, now: datetime, policies: Policies) -> Accepted:
    earlier = placing.earlier_order(state, command)
    if earlier is not None:
        return Accepted(state, orders=(earlier,), duplicate=True)
    journal = Journal(state, market, now, policies)
    return accepted(journal, placing.close(journal, command, policies))


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
    return accepted(journal)
