"""Earlier decisions, and which orders may follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.commands import PlaceOrder, SubmitDecision
from trading.domain.enums import Action, DecisionStatus, Side
from trading.domain.errors import DuplicateClientDecisionId, FieldProblem, NotFound, OrderRejected

SIDES = {Action.BUY: Side.BUY, Action.SELL: Side.SELL}


@dataclass(frozen=True)
class Decision:
    """A decision as far as it matters for what follows from it. `ref` is its id, negative while it has none.

    `at` (UTC) and `mark` (USDC, None: not known) are what it was decided on; `body` is its fingerprint.
    """

    ref: int
    symbol: str
    action: Action
    at: datetime
    mark: Decimal | None = None
    status: DecisionStatus = DecisionStatus.NONE
    outcome: str = ""
    body: str = ""


def earlier_decision(known: Mapping[str, Decision], command: SubmitDecision) -> Decision | None:
    """Return the decision that has the command's client id, None where there is none.

    Raise `DuplicateClientDecisionId` where a client gives it to another body. A model of the server names its decisions
    after what it saw: the same id is the same decision, whatever it would decide by now.
    """
    earlier = known.get(command.client_decision_id or "")
    if earlier is not None and command.from_client and earlier.body != command.fingerprint():
        raise DuplicateClientDecisionId
    return earlier


def decision_named(known: Mapping[int, Decision], ref: int) -> Decision:
    """Return the account's decision of an id. Raise `NotFound`, or `OrderRejected` where its order was placed."""
    decision = known.get(ref)
    if decision is None:
        raise NotFound("The account has no decision of this id.")
    if decision.status is DecisionStatus.ACCEPTED:
        raise _refused("An order has followed from this decision already; decide anew.", "decision_carried_out")
    return decision


def check_follows(decision: Decision, order: PlaceOrder) -> None:
    """Refuse an order that is not what the decision asks for: its symbol, its side, only reducing for a `close`."""
    if decision.status in (DecisionStatus.INVALID, DecisionStatus.FAILED) or decision.action is Action.HOLD:
        raise _refused("The decision asks for no order; submit another one first.", "decision_mismatch")
    if order.symbol != decision.symbol:
        raise _refused(f"The decision is about {decision.symbol}, the order about {order.symbol:.20}.",
                       "decision_mismatch")  # fmt: skip
    if decision.action is Action.CLOSE and not order.reduce_only:
        raise _refused("The decision is to close: its order must be reduce-only.", "decision_mismatch")
    if SIDES.get(decision.action, order.side) is not order.side:
        raise _refused(f"The decision is to {decision.action}, the order would {order.side}.", "decision_mismatch")


def _refused(message: str, reason: str) -> OrderRejected:
    return OrderRejected(message, reason=reason, fields=[FieldProblem("decision_id", "does not go with this order")])
