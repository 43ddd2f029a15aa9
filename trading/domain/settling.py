"""Settling an hour's funding on one account."""

from trading.domain import funding
from trading.domain.commands import SettleFunding
from trading.domain.enums import LedgerKind
from trading.domain.journal import Journal
from trading.domain.money import ZERO
from trading.domain.values import replace


def settle(journal: Journal, command: SettleFunding) -> bool:
    """Pay or receive an hour's funding on what was held when it ended; tell whether that was still to be done.

    An isolated position, where it is still open, pays from its own margin and is paid into it. Nothing is written where
    nothing was held or the payment is less than 1e-6 USDC. Once an hour is paid it is never paid again.
    """
    state = journal.state
    name = funding.key(command.symbol, command.hour)
    if name in state.ledger_keys:
        return False
    position = state.positions.get(command.symbol)
    held = state.held_when_due.get(name, ZERO if position is None else position.signed_size)
    amount = funding.payment(held, command.oracle, command.rate, journal.policies.funding_rounding)
    if not amount:
        return True
    reason = f"{command.symbol} {command.hour:%Y-%m-%d %H:%M} at {command.rate.normalize():f} of {command.oracle:f}"
    journal.move_cash(LedgerKind.FUNDING, amount, reason, key=name)
    journal.state = replace(journal.state, ledger_keys=journal.state.ledger_keys | {name})
    if position is not None and position.is_open and position.is_isolated:
        journal.put_position(replace(position, isolated_margin=position.isolated_margin + amount))
    return True
