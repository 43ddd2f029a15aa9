"""What deciding a command gives: what it did, or why it did nothing."""

from dataclasses import dataclass

from trading.domain import brackets
from trading.domain.commands import TakeOver
from trading.domain.errors import Rejection
from trading.domain.facts import Fact
from trading.domain.journal import Journal
from trading.domain.orders import Order
from trading.domain.state import AccountState


@dataclass(frozen=True)
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
    """The command did nothing; `state` is the one that was given, and `facts` are none.

    But of a decision whose order was refused both tell that it was.
    """

    state: AccountState
    error: Rejection
    facts: tuple[Fact, ...] = ()


def accepted(journal: Journal, orders: tuple[Order, ...] = ()) -> Accepted:
    """Finish a command's journal: what it did to orders and positions takes its course."""
    brackets.settle(journal)
    facts = journal.finish()  # which may still change the state
    return Accepted(journal.state, facts, orders)
