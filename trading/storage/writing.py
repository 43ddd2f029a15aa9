"""Writing what a batch decided: a statement for each table, and an object of each row that is told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from accounts.models import Account, LedgerEntry
from trading.domain import facts
from trading.domain.orders import Order as OrderValue
from trading.domain.state import AccountState
from trading.domain.values import replace
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade
from trading.rows import Select, insert, made, update, upsert
from trading.storage import volumes
from trading.storage.loading import Loaded

Told = Sequence[tuple[int, facts.Fact]]
FIXED = ("account_id", "instrument_id", "decision_id", "client_order_id", "side", "order_type", "time_in_force",
         "leverage", "reduce_only", "parent_id", "created_at")  # fmt: skip
"""What of an order never changes."""
UNTOLD = (facts.CashMoved, facts.AccountChanged)
MOVING = (facts.TradeExecuted, facts.CashMoved, facts.AccountChanged, facts.EquityRecorded)
"""What changes the row of an account."""
DECISION = ("id", *(field.attname for field in ModelDecision._meta.concrete_fields if not field.primary_key))
_decisions = Select(ModelDecision, *DECISION, where="id {numbers}")


@dataclass(slots=True)
class Written:
    """What was written: a row for each fact, in the order of the facts, as it stood right after it."""

    rows: list[tuple[models.Model, bool]] = field(default_factory=list)
    """(row, created) for each fact whose saving is announced."""
    order_ids: dict[tuple[int, int], int] = field(default_factory=dict)
    """(account, ref) → id of the new orders."""
    decision_ids: dict[tuple[int, int], int] = field(default_factory=dict)

    def order(self, account_id: int, order: OrderValue) -> OrderValue:
        """Return the order with its id in place of its ref."""
        ref, parent = self.order_id(account_id, order.ref), self.order_id(account_id, order.parent_ref)
        return order if (ref, parent) == (order.ref, order.parent_ref) else replace(order, ref=ref, parent_ref=parent)

    def order_id(self, account_id: int, ref: int | None) -> Any:
        """Return the id of an order, None for None."""
        return ref if ref is None or ref > 0 else self.order_ids.get((account_id, ref), ref)


def write(told: Told, loaded: Loaded, states: Mapping[int, AccountState]) -> Written:
    """Write all facts of a batch, and the accounts as they are after it. Raises what the database refuses."""
    written = Written()
    decisions = _write_decisions(told)
    written.decision_ids = {key: row.pk for key, row in decisions.items()}
    orders = _write_orders(told, written)
    trades = _write_trades(told, orders, written)
    positions = _write_positions(told)
    points = _write_points(told)
    entries = [_entry(account_id, fact) for account_id, fact in told if isinstance(fact, facts.CashMoved)]
    insert(LedgerEntry, entries)
    volumes.write(told, loaded.volumes)
    _write_accounts(told, states)

    queues: dict[type[facts.Fact], Iterator[models.Model]] = {
        facts.DecisionRecorded: iter(decisions.values()),
        facts.DecisionFollowed: iter(_write_followed(told)),
        facts.OrderChanged: iter(orders),
        facts.TradeExecuted: iter(trades),
        facts.PositionChanged: iter(positions),
        facts.EquityRecorded: iter(points),
    }
    for account_id, fact in told:
        if isinstance(fact, UNTOLD):
            continue
        row = next(queues[type(fact)])
        if isinstance(fact, facts.OrderChanged) and not fact.told:
            continue
        if isinstance(fact, facts.DecisionRecorded | facts.DecisionFollowed) and isinstance(row, ModelDecision):
            row.order_id_at_save = written.order_id(account_id, fact.order_ref)
        updated = isinstance(fact, facts.PositionChanged | facts.DecisionFollowed) or (
            isinstance(fact, facts.OrderChanged) and not fact.created
        )
        written.rows.append((row, not updated))
    return written


def _write_decisions(told: Told) -> dict[tuple[int, int], ModelDecision]:
    new = {
        (account_id, fact.ref): {
            "account_id": account_id,
            "instrument_id": fact.symbol,
            "model": fact.model,
            "decision": fact.action,
            "reasoning": fact.reasoning,
            "confidence": fact.confidence,
            "facts": fact.facts,
            "status": fact.status,
            "outcome": fact.outcome,
            "run_id": fact.run_id,
            "decided_at": fact.decided_at,
            "mark": fact.mark,
            "client_decision_id": fact.client_decision_id,
            "created_at": fact.at,
        }
        for account_id, fact in told
        if isinstance(fact, facts.DecisionRecorded)
    }
    keys = insert(ModelDecision, list(new.values()))
    return {name: made(ModelDecision, {"id": key, **row}) for key, (name, row) in zip(keys, new.items(), strict=True)}


def _write_followed(told: Told) -> list[ModelDecision]:
    """Update earlier decisions, each as its last fact left it; return a row for each fact."""
    changes = [fact for _, fact in told if isinstance(fact, facts.DecisionFollowed)]
    if not changes:
        return []
    last = {fact.ref: {"id": fact.ref, "status": fact.status, "outcome": fact.outcome} for fact in changes}
    update(ModelDecision, list(last.values()))
    rows = {row[0]: dict(zip(DECISION, row, strict=True)) for row in _decisions(list(last))}
    return [made(ModelDecision, {**rows[fact.ref], "status": fact.status, "outcome": fact.outcome}) for fact in changes]


def _write_orders(told: Told, written: Written) -> list[Order]:
    """Insert the new orders and update the others, each as its last fact left it; return a row for each fact."""
    changes = [(account_id, fact.order) for account_id, fact in told if isinstance(fact, facts.OrderChanged)]
    last = {(account_id, order.ref): order for account_id, order in changes}
    new = {key: order for key, order in last.items() if order.ref < 0}
    children = [(key, order) for key, order in new.items() if (order.parent_ref or 0) < 0]
    # In the order of the facts, so that ids are the same however commands were batched. Parents get theirs now.
    alone = {**new, **{key: replace(order, parent_ref=None, awaits_parent=False) for key, order in children}}
    keys = insert(Order, [_order(account_id, order, written) for (account_id, _), order in alone.items()])
    written.order_ids = dict(zip(new, keys, strict=True))
    adopted = [
        {
            "id": written.order_ids[key],
            "parent_id": written.order_id(key[0], order.parent_ref),
            "awaits_parent": order.awaits_parent,
        }
        for key, order in children
    ]
    update(Order, adopted)
    old = [(key, _order(key[0], order, written)) for key, order in last.items() if order.ref > 0]
    update(Order, [{"id": ref, **{k: v for k, v in row.items() if k not in FIXED}} for (_, ref), row in old])
    return [
        made(Order, {"id": written.order_id(account_id, order.ref), **_order(account_id, order, written)})
        for account_id, order in changes
    ]


def _order(account_id: int, order: OrderValue, written: Written) -> dict[str, Any]:
    decision = order.decision_ref
    return {
        "account_id": account_id,
        "instrument_id": order.symbol,
        "decision_id": None if decision is None else written.decision_ids.get((account_id, decision), decision),
        "client_order_id": order.client_order_id,
        "side": order.side,
        "order_type": order.order_type,
        "time_in_force": order.time_in_force,
        "size": order.size,
        "price": order.price,
        "leverage": order.leverage,
        "reduce_only": order.reduce_only,
        "filled_size": order.filled_size,
        "filled_notional": order.filled_notional,
        "status": order.status,
        "reason": order.reason,
        "trigger_price": order.trigger_price,
        "triggered_at": order.triggered_at,
        "parent_id": written.order_id(account_id, order.parent_ref),
        "awaits_parent": order.awaits_parent,
        "whole_position": order.whole_position,
        "active_at": order.active_at,
        "requeued_at": order.requeued_at,
        "queue_ahead": order.queue_ahead,
        "body": order.body,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
    }


def _write_trades(told: Told, orders: Sequence[Order], written: Written) -> list[Trade]:
    by_pk = {order.pk: order for order in orders}
    fills = [(account_id, fact) for account_id, fact in told if isinstance(fact, facts.TradeExecuted)]
    rows: list[dict[str, Any]] = [
        {
            "account_id": account_id,
            "order_id": written.order_id(account_id, fact.order_ref),
            "instrument_id": fact.symbol,
            "side": fact.side,
            "status": fact.status,
            "price": fact.price,
            "size": fact.size,
            "fee": fact.fee,
            "pnl": fact.pnl,
            "start_position": fact.start_position,
            "liquidity": fact.liquidity,
            "fill_quality": fact.fill_quality,
            "liquidation": fact.liquidation,
            "executed_at": fact.at,
        }
        for account_id, fact in fills
    ]
    keys = insert(Trade, rows)
    return [made(Trade, {"id": key, **row}, order=by_pk[row["order_id"]]) for key, row in zip(keys, rows, strict=True)]


def _write_positions(told: Told) -> list[Position]:
    changes = [(account_id, fact) for account_id, fact in told if isinstance(fact, facts.PositionChanged)]
    rows = [_position(account_id, fact) for account_id, fact in changes]
    last = {(row["account_id"], row["instrument_id"]): row for row in rows}
    keys = dict(zip(last, upsert(Position, list(last.values()), ("account_id", "instrument_id")), strict=True))
    told_rows = []
    for row, (_, fact) in zip(rows, changes, strict=True):
        position = made(Position, {"id": keys[row["account_id"], row["instrument_id"]], **row})
        position.mark = fact.mark
        told_rows.append(position)
    return told_rows


def _position(account_id: int, fact: facts.PositionChanged) -> dict[str, Any]:
    position = fact.position
    return {
        "account_id": account_id,
        "instrument_id": position.symbol,
        "side": position.side,
        "size": position.size,
        "entry_notional": position.entry_notional,
        "realized_pnl": position.realized_pnl,
        "leverage": position.leverage,
        "margin_mode": position.margin_mode,
        "isolated_margin": position.isolated_margin,
        "updated_at": fact.at,
    }


def _write_points(told: Told) -> list[EquityPoint]:
    rows = [
        {
            "account_id": account_id,
            "timestamp": fact.point.at,
            "balance": fact.point.balance,
            "equity": fact.point.equity,
            "daily_pnl": fact.point.daily_pnl,
            "daily_return_pct": fact.point.daily_return_pct,
        }
        for account_id, fact in told
        if isinstance(fact, facts.EquityRecorded)
    ]
    keys = insert(EquityPoint, rows)
    return [made(EquityPoint, {"id": key, **row}) for key, row in zip(keys, rows, strict=True)]


def _entry(account_id: int, fact: facts.CashMoved) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "kind": fact.kind,
        "amount": fact.amount,
        "balance": fact.balance,
        "reason": fact.reason,
        "key": fact.key,
        "created_at": fact.at,
    }


def _write_accounts(told: Told, states: Mapping[int, AccountState]) -> None:
    """Write the accounts that something moved: cash and the day's figures."""
    moved = sorted({account_id for account_id, fact in told if isinstance(fact, MOVING)})
    rows = [
        {
            "id": state.id,
            "cash": state.cash,
            "day": state.day.date,
            "day_open_equity": state.day.open_equity,
            "day_net_deposits": state.day.net_deposits,
            "last_equity": state.day.last_equity,
            "cancel_after": state.cancel_after,
            "liquidated_at": state.liquidated_at,
        }
        for state in (states[account_id] for account_id in moved)
    ]
    update(Account, rows)
