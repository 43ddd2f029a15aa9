"""How accounts are read and written in bulk: the only module of trading that knows statements.

Reading takes the accounts' rows locked, in primary-key order, so that two desks never wait for each other in a ring.
Writing takes one statement for each table, whatever the number of accounts and commands.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import models
from django.db.models import Q

from accounts.models import Account, LedgerEntry
from accounts.services import house_account
from trading import volumes
from trading.domain import commands, facts, funding
from trading.domain.enums import AccountStatus
from trading.domain.equity import Day
from trading.domain.orders import Order as OrderValue
from trading.domain.positions import Position as PositionValue
from trading.domain.state import AccountState
from trading.holding import held_when_due
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade
from trading.models.order import ACTIVE
from trading.rows import insert, upsert

Ask = tuple[int, commands.Command]
ORDER_UPDATES = (
    "size",
    "price",
    "trigger_price",
    "triggered_at",
    "active_at",
    "requeued_at",
    "queue_ahead",
    "awaits_parent",
    "whole_position",
    "filled_size",
    "filled_notional",
    "status",
    "reason",
    "body",
    "updated_at",
)
POSITION_UPDATES = (
    "side",
    "size",
    "entry_notional",
    "realized_pnl",
    "leverage",
    "margin_mode",
    "isolated_margin",
    "updated_at",
)
ACCOUNT_UPDATES = (
    "cash",
    "day",
    "day_open_equity",
    "day_net_deposits",
    "last_equity",
    "cancel_after",
    "liquidated_at",
)
NAMED_BY_CLIENT = commands.PlaceOrder | commands.ClosePosition | commands.CancelOrder | commands.AmendOrder
UNTOLD = (facts.CashMoved, facts.AccountChanged)


@dataclass(slots=True)
class Loaded:
    """Accounts as rows and as states. An account that does not exist is in neither."""

    accounts: dict[int, Account]
    states: dict[int, AccountState]
    volumes: dict[int, volumes.Traded]
    house: int | None = None
    """The house's account, where a command may give it something to take over."""


def load(asks: Sequence[Ask], now: datetime) -> Loaded:
    """Read and lock the accounts that are asked for, with what their commands need at `now` (UTC)."""
    wanted = Q(pk__in={account_id for account_id, _ in asks})
    needs_house = any(isinstance(command, commands.Liquidate) for _, command in asks)
    if needs_house:
        wanted |= Q(is_house=True)
    rows = {row.pk: row for row in Account.objects.select_for_update().filter(wanted).order_by("pk")}
    house = next((pk for pk, row in rows.items() if row.is_house), None)
    if needs_house and house is None:
        row = house_account(now)
        rows[row.pk], house = row, row.pk
    positions: dict[int, dict[str, PositionValue]] = {pk: {} for pk in rows}
    for position in Position.objects.filter(account__in=rows):
        positions[position.account_id][position.instrument_id] = position.to_domain()
    orders: dict[int, dict[int, OrderValue]] = {pk: {} for pk in rows}
    for order in Order.objects.filter(_orders_named(asks) | Q(account__in=rows) & ACTIVE):
        if order.account_id in orders:
            orders[order.account_id][order.pk] = order.to_domain()
    decisions = _decisions_named(asks)
    keys = _ledger_keys_named(asks)
    held = held_when_due(_hours_named(asks), positions)
    traded = volumes.load(asks, now.date())
    states = {
        pk: AccountState(
            id=pk,
            cash=row.cash,
            day=Day(row.day, row.day_open_equity, row.day_net_deposits, row.last_equity),
            status=AccountStatus(row.status),
            positions=positions[pk],
            orders=orders[pk],
            decisions=decisions.get(pk, {}),
            ledger_keys=keys.get(pk, frozenset()),
            held_when_due=held.get(pk, {}),
            fee_rates=traded.get(pk, volumes.Traded()).rates,
            cancel_after=row.cancel_after,
            liquidated_at=row.liquidated_at,
            is_house=row.is_house,
        )
        for pk, row in rows.items()
    }
    return Loaded(rows, states, traded, house)


def _orders_named(asks: Sequence[Ask]) -> Q:
    """Find the orders, finished ones too, that the commands name: by id, or by client id (a retry names its first)."""
    ids: set[int] = set()
    client_ids: dict[int, set[str]] = {}
    for account_id, command in asks:
        placed = command.order if isinstance(command, commands.SubmitDecision) else command
        if isinstance(placed, commands.CancelOrder | commands.AmendOrder) and placed.order_id is not None:
            ids.add(placed.order_id)
        elif isinstance(placed, NAMED_BY_CLIENT) and placed.client_order_id:
            client_ids.setdefault(account_id, set()).add(placed.client_order_id)
    named = Q(pk__in=ids)
    for account_id, names in client_ids.items():
        named |= Q(account=account_id, client_order_id__in=names)
    return named


def _decisions_named(asks: Sequence[Ask]) -> dict[int, dict[str, int]]:
    named = {
        (account_id, command.client_decision_id)
        for account_id, command in asks
        if isinstance(command, commands.SubmitDecision) and command.client_decision_id
    }
    found: dict[int, dict[str, int]] = {}
    if named:
        rows = ModelDecision.objects.filter(
            account__in={account_id for account_id, _ in named}, client_decision_id__in={name for _, name in named}
        )
        for account_id, name, pk in rows.values_list("account", "client_decision_id", "pk"):
            found.setdefault(account_id, {})[str(name)] = pk
    return found


def _ledger_keys_named(asks: Sequence[Ask]) -> dict[int, frozenset[str]]:
    """Find which ledger entries, of those that the commands would write once, are there."""
    named = {
        (account_id, funding.key(command.symbol, command.hour))
        for account_id, command in asks
        if isinstance(command, commands.SettleFunding)
    }
    found: dict[int, frozenset[str]] = {}
    if named:
        rows = LedgerEntry.objects.filter(
            account__in={account_id for account_id, _ in named}, key__in={key for _, key in named}
        )
        for account_id, key in rows.values_list("account", "key"):
            found[account_id] = found.get(account_id, frozenset()) | {str(key)}
    return found


def _hours_named(asks: Sequence[Ask]) -> dict[tuple[str, datetime], set[int]]:
    """Find whose funding is to be settled, by symbol and hour."""
    named: dict[tuple[str, datetime], set[int]] = {}
    for account_id, command in asks:
        if isinstance(command, commands.SettleFunding):
            named.setdefault((command.symbol, command.hour), set()).add(account_id)
    return named


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
        parent = order.parent_ref
        return replace(
            order,
            ref=self.order_ids.get((account_id, order.ref), order.ref),
            parent_ref=None if parent is None else self.order_ids.get((account_id, parent), parent),
        )


def write(told: Sequence[tuple[int, facts.Fact]], loaded: Loaded, states: Mapping[int, AccountState]) -> Written:
    """Write all facts of a batch, and the accounts as they are after it. Raises what the database refuses."""
    written = Written()
    decisions = _write_decisions(told)
    written.decision_ids = {key: row.pk for key, row in decisions.items()}
    orders = _write_orders(told, written)
    trades = _write_trades(told, orders, written)
    positions = _write_positions(told)
    points = _write_points(told)
    entries = [_ledger_row(account_id, fact) for account_id, fact in told if isinstance(fact, facts.CashMoved)]
    if entries:
        insert(entries)
    volumes.write(told, loaded.volumes)
    _write_accounts(told, loaded, states)

    queues: dict[type[facts.Fact], Iterator[models.Model]] = {
        facts.DecisionRecorded: iter(decisions.values()),
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
        if isinstance(fact, facts.DecisionRecorded) and isinstance(row, ModelDecision):
            row.order_id_at_save = written.order_ids.get((account_id, fact.order_ref or 0), fact.order_ref)
        updated = isinstance(fact, facts.PositionChanged) or (isinstance(fact, facts.OrderChanged) and not fact.created)
        written.rows.append((row, not updated))
    return written


def _write_decisions(told: Sequence[tuple[int, facts.Fact]]) -> dict[tuple[int, int], ModelDecision]:
    rows = {
        (account_id, fact.ref): ModelDecision(
            account_id=account_id,
            instrument_id=fact.symbol,
            model=fact.model,
            decision=fact.action,
            reasoning=fact.reasoning,
            confidence=fact.confidence,
            facts=fact.facts,
            outcome=fact.outcome,
            client_decision_id=fact.client_decision_id,
            created_at=fact.at,
        )
        for account_id, fact in told
        if isinstance(fact, facts.DecisionRecorded)
    }
    if rows:
        insert(list(rows.values()))
    return rows


def _write_orders(told: Sequence[tuple[int, facts.Fact]], written: Written) -> list[Order]:
    """Insert the new orders and update the others, each as its last fact left it; return a row for each fact."""
    changes = [(account_id, fact) for account_id, fact in told if isinstance(fact, facts.OrderChanged)]
    last: dict[tuple[int, int], OrderValue] = {(a, fact.order.ref): fact.order for a, fact in changes}
    new = {key: _order_row(key[0], order, written) for key, order in last.items() if order.ref < 0}
    children = [key for key in new if (last[key].parent_ref or 0) < 0]
    for key in children:
        new[key].parent_id, new[key].awaits_parent = None, False
    if new:  # in the order of the facts, so that ids are the same however commands were batched
        insert(list(new.values()))
        written.order_ids |= {key: row.pk for key, row in new.items()}
    if children:  # only now their parents have ids
        for key in children:
            new[key].parent_id = written.order(key[0], last[key]).parent_ref
            new[key].awaits_parent = last[key].awaits_parent
        upsert([new[key] for key in children], ("id",), ("parent", "awaits_parent"))
    old = [_order_row(a, order, written) for (a, ref), order in last.items() if ref > 0]
    if old:
        upsert(old, ("id",), ORDER_UPDATES)
    rows = [_order_row(account_id, written.order(account_id, fact.order), written) for account_id, fact in changes]
    for row in rows:
        row._state.adding = False
    return rows


def _order_row(account_id: int, order: OrderValue, written: Written) -> Order:
    decision = order.decision_ref
    return Order(
        pk=order.ref if order.ref > 0 else None,
        account_id=account_id,
        instrument_id=order.symbol,
        decision_id=None if decision is None else written.decision_ids.get((account_id, decision), decision),
        client_order_id=order.client_order_id,
        side=order.side,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        size=order.size,
        price=order.price,
        leverage=order.leverage,
        reduce_only=order.reduce_only,
        filled_size=order.filled_size,
        filled_notional=order.filled_notional,
        status=order.status,
        reason=order.reason,
        trigger_price=order.trigger_price,
        triggered_at=order.triggered_at,
        parent_id=written.order(account_id, order).parent_ref,
        awaits_parent=order.awaits_parent,
        whole_position=order.whole_position,
        active_at=order.active_at,
        requeued_at=order.requeued_at,
        queue_ahead=order.queue_ahead,
        body=order.body,
        created_at=order.created_at,
        updated_at=order.updated_at,
    )


def _write_trades(told: Sequence[tuple[int, facts.Fact]], orders: Sequence[Order], written: Written) -> list[Trade]:
    by_pk = {order.pk: order for order in orders}
    rows = [
        Trade(
            account_id=account_id,
            order=by_pk[written.order_ids.get((account_id, fact.order_ref), fact.order_ref)],
            instrument_id=fact.symbol,
            side=fact.side,
            status=fact.status,
            price=fact.price,
            size=fact.size,
            fee=fact.fee,
            pnl=fact.pnl,
            start_position=fact.start_position,
            liquidity=fact.liquidity,
            fill_quality=fact.fill_quality,
            liquidation=fact.liquidation,
            executed_at=fact.at,
        )
        for account_id, fact in told
        if isinstance(fact, facts.TradeExecuted)
    ]
    insert(rows)
    return rows


def _write_positions(told: Sequence[tuple[int, facts.Fact]]) -> list[Position]:
    changes = [(account_id, fact) for account_id, fact in told if isinstance(fact, facts.PositionChanged)]
    rows = [_position_row(account_id, fact) for account_id, fact in changes]
    last = {(row.account_id, row.instrument_id): row for row in rows}
    if last:
        upsert(list(last.values()), ("account", "instrument"), POSITION_UPDATES)
    for row in rows:
        row.pk = last[row.account_id, row.instrument_id].pk
        row._state.adding = False
    return rows


def _position_row(account_id: int, fact: facts.PositionChanged) -> Position:
    position = fact.position
    row = Position(
        account_id=account_id,
        instrument_id=position.symbol,
        side=position.side,
        size=position.size,
        entry_notional=position.entry_notional,
        realized_pnl=position.realized_pnl,
        leverage=position.leverage,
        margin_mode=position.margin_mode,
        isolated_margin=position.isolated_margin,
        updated_at=fact.at,
    )
    row.mark = fact.mark
    return row


def _write_points(told: Sequence[tuple[int, facts.Fact]]) -> list[EquityPoint]:
    rows = [
        EquityPoint(
            account_id=account_id,
            timestamp=fact.point.at,
            balance=fact.point.balance,
            equity=fact.point.equity,
            daily_pnl=fact.point.daily_pnl,
            daily_return_pct=fact.point.daily_return_pct,
        )
        for account_id, fact in told
        if isinstance(fact, facts.EquityRecorded)
    ]
    insert(rows)
    return rows


def _ledger_row(account_id: int, fact: facts.CashMoved) -> LedgerEntry:
    return LedgerEntry(
        account_id=account_id,
        kind=fact.kind,
        amount=fact.amount,
        balance=fact.balance,
        reason=fact.reason,
        key=fact.key,
        created_at=fact.at,
    )


def _write_accounts(told: Sequence[tuple[int, facts.Fact]], loaded: Loaded, states: Mapping[int, AccountState]) -> None:
    """Write the accounts that something moved: cash and the day's figures."""
    moving = (facts.TradeExecuted, facts.CashMoved, facts.AccountChanged, facts.EquityRecorded)
    rows: dict[int, Account] = {}
    for account_id in {account_id for account_id, fact in told if isinstance(fact, moving)}:
        row, state = loaded.accounts[account_id], states[account_id]
        row.cash = state.cash
        row.day = state.day.date
        row.day_open_equity = state.day.open_equity
        row.day_net_deposits = state.day.net_deposits
        row.last_equity = state.day.last_equity
        row.cancel_after = state.cancel_after
        row.liquidated_at = state.liquidated_at
        rows[account_id] = row
    if rows:
        upsert([rows[pk] for pk in sorted(rows)], ("id",), ACCOUNT_UPDATES)
