"""Reading what a batch of commands needs: accounts, positions, orders, and what earlier commands left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Account, LedgerEntry
from accounts.services import house_account
from trading.domain import commands, funding
from trading.domain.enums import AccountStatus, MarginMode, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from trading.domain.equity import Day
from trading.domain.orders import Order as OrderValue
from trading.domain.positions import Position as PositionValue
from trading.domain.state import AccountState
from trading.holding import held_when_due
from trading.models import Order, Position
from trading.rows import Select
from trading.storage import volumes
from trading.storage.earlier import Earlier

Ask = tuple[int, commands.Command]
NAMED_BY_CLIENT = commands.PlaceOrder | commands.ClosePosition | commands.CancelOrder | commands.AmendOrder

ACCOUNT = (
    "id", "owner_id", "status", "cash", "day", "day_open_equity", "day_net_deposits", "last_equity", "cancel_after",
    "liquidated_at", "is_house",
)  # fmt: skip
POSITION = (
    "account_id", "instrument_id", "leverage", "side", "size", "entry_notional", "realized_pnl", "margin_mode",
    "isolated_margin",
)  # fmt: skip
ORDER = (
    "account_id", "id", "instrument_id", "side", "order_type", "size", "price", "leverage", "created_at", "updated_at",
    "time_in_force", "reduce_only", "client_order_id", "filled_size", "filled_notional", "status", "reason",
    "decision_id", "trigger_price", "triggered_at", "parent_id", "awaits_parent", "whole_position", "active_at",
    "requeued_at", "queue_ahead", "body",
)  # fmt: skip
ACTIVE = f"status IN ('{OrderStatus.OPEN}', '{OrderStatus.PENDING_TRIGGER}')"

_accounts = Select(Account, *ACCOUNT, where="id {numbers}")
_locked_accounts = Select(Account, *ACCOUNT, where="id {numbers}", lock=True)
_positions = Select(Position, *POSITION, where="account_id {numbers}")
_active_and_named_orders = Select(
    Order, *ORDER, where=f"account_id {{numbers}} AND {ACTIVE}", pairs=("account_id", "client_order_id")
)
_orders_by_id = Select(Order, *ORDER, where="id {numbers}")
_entries = Select(LedgerEntry, "account_id", "key", pairs=("account_id", "key"))


@dataclass(slots=True)
class Loaded:
    """Accounts as the rules see them. One that does not exist is not there."""

    states: dict[int, AccountState]
    owners: dict[int, int]
    """Of each account but the house's, the id of the user who owns it."""
    volumes: dict[int, volumes.Traded]
    house: int | None = None
    """The house's account, where a command may give it something to take over."""


def load(asks: Sequence[Ask], now: datetime, *, lock: bool = True) -> Loaded:
    """Read the accounts that are asked for, with what their commands need at `now` (UTC).

    `lock`: until the transaction ends; without it nothing may be written.
    """
    rows, house = _rows(asks, now, _locked_accounts if lock else _accounts)
    positions: dict[int, dict[str, PositionValue]] = {pk: {} for pk in rows}
    for account_id, *values in _positions(rows):
        position = _position(*values)
        positions[account_id][position.symbol] = position
    orders = _orders(asks, rows)
    earlier = Earlier(asks, orders, now)
    keys = _ledger_keys_named(asks)
    held = held_when_due(_hours_named(asks), positions)
    traded = volumes.load(asks, now.date())
    owners, states = {}, {}
    for pk, (_, owner, status, cash, *day, cancel_after, liquidated_at, is_house) in rows.items():
        if not is_house:
            owners[pk] = owner
        states[pk] = AccountState(
            id=pk,
            cash=cash,
            day=Day(*day),
            status=AccountStatus(status),
            positions=positions[pk],
            orders=orders[pk],
            ledger_keys=keys.get(pk, frozenset()),
            held_when_due=held.get(pk, {}),
            fee_rates=traded.get(pk, volumes.NOTHING).rates,
            cancel_after=cancel_after,
            liquidated_at=liquidated_at,
            is_house=is_house,
            **earlier.of(pk),
        )
    return Loaded(states, owners, traded, house)


def _rows(asks: Sequence[Ask], now: datetime, select: Select) -> tuple[dict[int, tuple[Any, ...]], int | None]:
    """Return the rows of the accounts by id, and the house's id where a command may need it."""
    ids = {account_id for account_id, _ in asks}
    house = None
    if any(isinstance(command, commands.Liquidate) for _, command in asks):
        house = house_account(now).pk
        ids.add(house)
    return {row[0]: row for row in select(ids)}, house


def _position(
    symbol: str, leverage: int, side: str, size: Any, entry: Any, realized: Any, mode: str, isolated: Any
) -> PositionValue:
    return PositionValue(symbol, leverage, PositionSide(side), size, entry, realized, MarginMode(mode), isolated)


def _orders(asks: Sequence[Ask], ids: "dict[int, Any]") -> dict[int, dict[int, OrderValue]]:
    """Return the accounts' active orders, and finished ones that the commands name.

    By id, or by client id (a retry names its first). In the order of their ids.
    """
    by_id, by_client_id = _orders_named(asks)
    rows = _active_and_named_orders(ids, by_client_id)
    if by_id:
        rows += _orders_by_id(by_id)
    found: dict[int, dict[int, OrderValue]] = {pk: {} for pk in ids}
    for account_id, *values in sorted(rows, key=lambda row: row[1]) if len(rows) > 1 else rows:
        if account_id in found:
            found[account_id][values[0]] = _order(*values)
    return found


def _order(
    pk: int, symbol: str, side: str, order_type: str, size: Any, price: Any, leverage: int, created_at: datetime,
    updated_at: datetime, time_in_force: str, reduce_only: bool, client_order_id: str | None, filled_size: Any,
    filled_notional: Any, status: str, *others: Any,
) -> OrderValue:  # fmt: skip
    return OrderValue(
        pk, symbol, Side(side), OrderType(order_type), size, price, leverage, created_at, updated_at,
        TimeInForce(time_in_force), reduce_only, client_order_id, filled_size, filled_notional, OrderStatus(status),
        *others,
    )  # fmt: skip


def _orders_named(asks: Sequence[Ask]) -> tuple[set[int], set[tuple[int, str]]]:
    ids: set[int] = set()
    client_ids: set[tuple[int, str]] = set()
    for account_id, command in asks:
        placed = command.order if isinstance(command, commands.SubmitDecision) else command
        if isinstance(placed, commands.CancelOrder | commands.AmendOrder) and placed.order_id is not None:
            ids.add(placed.order_id)
        elif isinstance(placed, NAMED_BY_CLIENT) and placed.client_order_id:
            client_ids.add((account_id, placed.client_order_id))
    return ids, client_ids


def _ledger_keys_named(asks: Sequence[Ask]) -> dict[int, frozenset[str]]:
    """Find which ledger entries, of those that the commands would write once, are there."""
    named = {
        (account_id, funding.key(command.symbol, command.hour))
        for account_id, command in asks
        if isinstance(command, commands.SettleFunding)
    }
    found: dict[int, frozenset[str]] = {}
    for account_id, key in _entries(named) if named else ():
        found[account_id] = found.get(account_id, frozenset()) | {key}
    return found


def _hours_named(asks: Sequence[Ask]) -> dict[tuple[str, datetime], set[int]]:
    """Find whose funding is to be settled, by symbol and hour."""
    named: dict[tuple[str, datetime], set[int]] = {}
    for account_id, command in asks:
        if isinstance(command, commands.SettleFunding):
            named.setdefault((command.symbol, command.hour), set()).add(account_id)
    return named
