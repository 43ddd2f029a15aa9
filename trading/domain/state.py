"""An account as the rules see it: one immutable value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading.domain import margin
from trading.domain.decisions import Decision
from trading.domain.enums import AccountStatus, OrderStatus
from trading.domain.equity import Day
from trading.domain.fees import FeeRates
from trading.domain.limits import DEFAULT_LIMITS, NO_CONDUCT, Conduct, RiskLimits
from trading.domain.market import Market
from trading.domain.money import ZERO
from trading.domain.orders import Order
from trading.domain.positions import Position
from trading.domain.values import replace


@dataclass(frozen=True)
class AccountState:
    """`cash` is deposits + realised PnL - fees + funding, USDC; open positions are worth their unrealised PnL besides.

    `orders` holds every open order, and such finished ones as the commands at hand name. So does `decisions` earlier
    decisions, by their client ids, and `decided` those, by their ids, that orders are to follow from.
    """

    id: int
    cash: Decimal
    day: Day
    status: AccountStatus = AccountStatus.ACTIVE
    positions: Mapping[str, Position] = field(default_factory=dict)
    orders: Mapping[int, Order] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    decided: Mapping[int, Decision] = field(default_factory=dict)
    limits: RiskLimits = DEFAULT_LIMITS
    """What orders that follow from decisions keep."""
    conduct: Conduct = NO_CONDUCT
    ledger_keys: frozenset[str] = frozenset()
    """The keys of earlier ledger entries, as far as the commands at hand would write them again."""
    held_when_due: Mapping[str, Decimal] = field(default_factory=dict)
    """The signed sizes that were held when the hours ended which the commands at hand settle, by the ledger's key."""
    fee_rates: FeeRates = field(default_factory=FeeRates)
    cancel_after: datetime | None = None
    """When all open orders are canceled unless the client says again that it is alive (`CancelAfter`)."""
    liquidated_at: datetime | None = None
    """When a part of it was liquidated last: within 30 s after that whole positions go."""
    is_house: bool = False
    """The exchange's own account: it takes over what is liquidated and is never liquidated itself."""
    next_ref: int = -1
    """What the next new row is called until the database names it: -1, -2, …"""

    def position(self, symbol: str, leverage: int) -> Position:
        """Return the position in a symbol, or a flat one with this leverage."""
        return self.positions.get(symbol) or Position(symbol, leverage)

    def open_orders(self) -> Iterable[Order]:
        return (order for order in self.orders.values() if order.is_open)

    def order_by_client_id(self, client_order_id: str | None) -> Order | None:
        if client_order_id is None:
            return None
        return next((o for o in self.orders.values() if o.client_order_id == client_order_id), None)

    def with_position(self, position: Position) -> "AccountState":
        return replace(self, positions={**self.positions, position.symbol: position})

    def with_order(self, order: Order) -> "AccountState":
        return replace(self, orders={**self.orders, order.ref: order})

    def marks(self, market: Market) -> dict[str, Decimal]:
        """Return the last mark of each open position's symbol, its entry price where none was ever seen."""
        return {s: market.mark(s, otherwise=p.entry_price) for s, p in self.positions.items() if p.is_open}

    def equity(self, market: Market) -> Decimal:
        """Return cash plus unrealised PnL, USDC."""
        return margin.account_value(self.cash, self.positions.values(), self.marks(market))

    def order_margin(self) -> Decimal:
        """Return what open orders hold: ``price * remaining / leverage`` of the part that would open, USDC.

        Reduce-only orders hold nothing; of orders against a position the oldest reduce it, and only what exceeds it
        holds margin.
        """
        opening: dict[int, Decimal] = {}  # notional by leverage: one division for each
        against: list[Order] = []
        closing = {symbol: p.side.closing_side for symbol, p in self.positions.items() if p.is_open}
        for order in self.orders.values():
            if order.status is not OrderStatus.OPEN or order.reduce_only:
                continue
            if closing.get(order.symbol) is order.side:
                against.append(order)
            else:
                opens = (order.size - order.filled_size) * order.price
                opening[order.leverage] = opening.get(order.leverage, ZERO) + opens
        if against:
            against.sort(key=lambda order: (order.created_at, abs(order.ref)))
            reducible = {symbol: position.size for symbol, position in self.positions.items()}
            for order in against:
                reduces = min(order.remaining, reducible[order.symbol])
                reducible[order.symbol] -= reduces
                exceeds = (order.remaining - reduces) * order.price
                opening[order.leverage] = opening.get(order.leverage, ZERO) + exceeds
        return sum((margin.initial_margin(notional, leverage) for leverage, notional in opening.items()), ZERO)
