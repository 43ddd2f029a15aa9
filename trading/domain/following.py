"""Decisions, and the orders that follow from them: each is held to the risk gate, and its decision tells its fate."""

from datetime import datetime

from trading.domain import gate, placing
from trading.domain.commands import PlaceOrder, SubmitDecision
from trading.domain.decisions import Decision, check_follows, decision_named, earlier_decision
from trading.domain.enums import AccountStatus, DecisionStatus
from trading.domain.errors import AccountFrozen, Rejection
from trading.domain.facts import DecisionFollowed, DecisionRecorded
from trading.domain.journal import Journal
from trading.domain.market import Market
from trading.domain.orders import Order
from trading.domain.outcomes import Accepted, Rejected, accepted
from trading.domain.policies import Policies
from trading.domain.state import AccountState
from trading.domain.values import replace


def place(
    state: AccountState, command: PlaceOrder, market: Market, now: datetime, policies: Policies
) -> Accepted | Rejected:
    """Place an order; one that names an earlier decision follows from that."""
    earlier = placing.earlier_order(state, command)
    if earlier is not None:
        return Accepted(state, orders=(earlier,), duplicate=True)
    if command.decision_id is None:
        journal = Journal(state, market, now, policies)
        return accepted(journal, placing.place(journal, command, policies, None))
    decision = decision_named(state.decided, command.decision_id)
    check_follows(decision, command)
    try:
        placed = _follow(state, command, decision, market, now, policies)
    except Rejection as error:
        return _refused(state, decision, error)
    order = placed.orders[0]
    followed = DecisionFollowed(decision.ref, DecisionStatus.ACCEPTED, _told(order), order.ref)
    return replace(placed, state=_with(placed.state, decision, followed), facts=(*placed.facts, followed))


def submit(state: AccountState, command: SubmitDecision, market: Market, now: datetime, policies: Policies) -> Accepted:
    """Record a decision with what became of it, and place the order that comes with it."""
    earlier = earlier_decision(state.decisions, command)
    if earlier is not None:
        return Accepted(state, duplicate=True, decision=earlier.ref)
    if command.from_client and state.status is AccountStatus.FROZEN:
        raise AccountFrozen
    market.instrument(command.symbol)
    quote = market.quotes.get(command.symbol)
    decision = Decision(
        ref=state.next_ref,
        symbol=command.symbol,
        action=command.action,
        at=command.decided_at or now,
        mark=command.decided_mark or (quote.mark if quote is not None else None),
        status=command.status,
        outcome=command.outcome or "no order",
        body=command.fingerprint() if command.from_client else "",
    )
    after = replace(state, next_ref=state.next_ref - 1)
    placed: Accepted | None = None
    if command.order is not None:
        try:
            placed = _first_or_follow(after, command.order, decision, market, now, policies)
            status, outcome = DecisionStatus.ACCEPTED, _told(placed.orders[0])
        except Rejection as error:
            status, outcome = DecisionStatus.REFUSED, told_refusal(error)
        decision = replace(decision, status=status, outcome=outcome)
    final = after if placed is None else placed.state
    if command.client_decision_id:
        final = replace(final, decisions={**final.decisions, command.client_decision_id: decision})
    recorded = DecisionRecorded(
        ref=decision.ref,
        model=command.model,
        symbol=command.symbol,
        action=command.action,
        reasoning=command.reasoning,
        confidence=command.confidence,
        outcome=decision.outcome,
        client_decision_id=command.client_decision_id,
        order_ref=placed.orders[0].ref if placed else None,
        at=now,
        facts=command.facts,
        status=decision.status,
        decided_at=command.decided_at,
        mark=decision.mark,
        run_id=command.run_id,
    )
    if placed is None:
        return Accepted(final, (recorded,), decision=decision.ref)
    return Accepted(final, (recorded, *placed.facts), orders=placed.orders, decision=decision.ref)


def told_refusal(error: Rejection) -> str:
    """Return what the outcome of a decision says of an order that was refused."""
    return f"refused, {error.reason or error.code}: {error.message}"


def _first_or_follow(
    state: AccountState, order: PlaceOrder, decision: Decision, market: Market, now: datetime, policies: Policies
) -> Accepted:
    earlier = placing.earlier_order(state, order)
    if earlier is not None:
        return Accepted(state, orders=(earlier,), duplicate=True)
    check_follows(decision, order)
    return _follow(state, order, decision, market, now, policies)


def _follow(
    state: AccountState, order: PlaceOrder, decision: Decision, market: Market, now: datetime, policies: Policies
) -> Accepted:
    """Place the order of a decision, if the gate lets it through."""
    if state.status is AccountStatus.FROZEN:
        raise AccountFrozen
    gate.check(state, order, decision, market, now, policies)
    journal = Journal(state, market, now, policies)
    placed = accepted(journal, placing.place(journal, order, policies, decision.ref))
    return replace(placed, state=replace(placed.state, conduct=placed.state.conduct.ordered(now)))


def _refused(state: AccountState, decision: Decision, error: Rejection) -> Rejected:
    """Refuse the order of an earlier decision, and tell it there; it may be tried again with another order."""
    followed = DecisionFollowed(decision.ref, DecisionStatus.REFUSED, told_refusal(error), None)
    if (decision.status, decision.outcome) == (followed.status, followed.outcome):
        return Rejected(state, error)
    return Rejected(_with(state, decision, followed), error, (followed,))


def _with(state: AccountState, decision: Decision, followed: DecisionFollowed) -> AccountState:
    changed = replace(decision, status=followed.status, outcome=followed.outcome)
    return replace(state, decided={**state.decided, decision.ref: changed})


def _told(order: Order) -> str:
    if order.average_price is None:
        return f"order {order.status}"
    return f"{order.side} {order.filled_size.normalize():f} filled at {order.average_price.normalize():f}"
