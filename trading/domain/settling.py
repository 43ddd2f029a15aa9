"""Settling an hour's funding on one account."""

from trading.domain import funding
from trading.domain.commands import SettleFunding
from trading.domain.enums import LedgerKind
from trading.domain.journal import Journal
from trading.domain.values import replace


def settle(journal: Journal, command: SettleFunding) -> bool:
    """Pay or receive an hour's funding on the position that is held now; tell whether that was still to be done.

    An isolated position pays from its own margin and is paid into it. Nothing is written where there is no position or
    the payment is less than 1e-6 USDC. Once an hour is paid it is never paid again.
    """
    state = journal.state
    name = funding.key(command.symbol, command.hour)
    if name in state.ledger_keys:
        return False
    position = state.positions.get(command.symbol)
    if position is None or not position.is_open:
        return True
    amount = funding.payment(position.signed_size, command.oracle, command.rate)
    if not amount:
        return True
    reason = f"{command.symbol} {command.hour:%Y-%m-%d %H:%M} at {command.rate.normalize():f} of {command.oracle:f}"
    journal.move_cash(LedgerKind.FUNDING, amount, reason, key=name)
    journal.state = replace(journal.state, ledger_keys=journal.state.ledger_keys | {name})
    if position.is_isolated:
        journal.put_position(replace(position, isolated_margin=position.isolated_margin + amount))
    return True
