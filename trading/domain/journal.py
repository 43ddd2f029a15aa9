"""One command's journal: the account as it changes, and the facts that say so."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from trading.domain import lifecycle
from trading.domain.enums import FillQuality, LedgerKind, Liquidity, MarginMode
from trading.domain.equity import EquityPoint
from trading.domain.facts import CashMoved, EquityRecorded, Fact, OrderChanged, PositionChanged, TradeExecuted
from trading.domain.fees import fee
from trading.domain.isolated import book_fill, releveraged, with_mode
from trading.domain.market import Market
from trading.domain.money import ZERO
from trading.domain.orders import Order
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.positions import Position
from trading.domain.state import AccountState
from trading.domain.values import replace


class Journal:
    """Collects what one command does. Nothing of it counts until the command is accepted."""

    def __init__(self, state: AccountState, market: Market, now: datetime, policies: Policies = DEFAULTS) -> None:
        self.state = state
        self.market = market
        self.now = now
        self.policies = policies
        self._facts: list[Fact] = []
        self._changed_symbols: list[str] = []
        self._filled = False

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What was told so far."""
        return tuple(self._facts)

    @property
    def changed_symbols(self) -> tuple[str, ...]:
        """The symbols whose positions changed."""
        return tuple(self._changed_symbols)

    def tell(self, fact: Fact) -> None:
        self._facts.append(fact)

    def new_ref(self) -> int:
        ref = self.state.next_ref
        self.state = replace(self.state, next_ref=ref - 1)
        return ref

    def put_order(self, order: Order, *, created: bool = False) -> None:
        """Keep an order's new value and tell it. Raises `IllegalTransition` where no order may become that."""
        lifecycle.check(None if created else self.state.orders[order.ref], order)
        self.state = self.state.with_order(order)
        self.tell(OrderChanged(order, created))

    def put_orders(self, orders: Sequence[Order]) -> None:
        """Keep the new values of many orders and tell them."""
        for order in orders:
            lifecycle.check(self.state.orders[order.ref], order)
        self.state = replace(self.state, orders={**self.state.orders, **{order.ref: order for order in orders}})
        self._facts += [OrderChanged(order, created=False) for order in orders]

    def put_order_quietly(self, order: Order) -> None:
        """Keep an order's new value that is stored and told to nobody, as its place in the queue."""
        self.state = self.state.with_order(order)
        self.tell(OrderChanged(order, created=False, told=False))

    def put_position(self, position: Position) -> None:
        """Keep a position's new value; it is told with the command's other changes."""
        self.state = self.state.with_position(position)
        self._touch(position.symbol)

    def move_cash(self, kind: LedgerKind, amount: Decimal, reason: str, *, key: str | None = None) -> None:
        """Move cash other than by a fill and tell it; the equity that follows is told with the command's end."""
        self.state = replace(self.state, cash=self.state.cash + amount)
        self.tell(CashMoved(kind, amount, self.state.cash, reason, self.now, key))
        self._filled = True

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Change the leverage of a position that exists; it is told with the command's other changes."""
        position = self.state.positions.get(symbol)
        if position is not None and position.leverage != leverage:
            mark = self.market.mark(symbol, otherwise=position.entry_price)
            self.state = self.state.with_position(releveraged(position, leverage, mark))
            self._touch(symbol)

    def set_margin_mode(self, symbol: str, mode: MarginMode | None, leverage: int) -> None:
        """Change the margin mode of a flat position (None: leave it); the first order of a symbol makes one for it."""
        position = self.state.position(symbol, leverage)
        changed = with_mode(position, mode)
        if changed is not position:
            self.state = self.state.with_position(changed)
            self._touch(symbol)

    def fill(
        self,
        order: Order,
        size: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        quality: FillQuality,
        *,
        liquidation: bool = False,
    ) -> None:
        """Book one fill of an order: position, realised PnL and fee. The order itself is told by its owner.

        What the house takes over costs no fee; what a liquidation frees stays with an isolated position.
        """
        before = self.state.position(order.symbol, order.leverage)
        taken_over = quality is FillQuality.BACKSTOP
        paid = ZERO if taken_over else fee(price, size, self.state.fee_rates.rate(liquidity))
        result = book_fill(before, order.side, size, price, paid, keep_margin=liquidation)
        cash = self.state.cash - paid + (result.closed_pnl or 0)
        self.state = replace(self.state.with_position(result.position), cash=cash)
        if result.closed_pnl is not None and result.closed_pnl < 0:
            self.state = replace(self.state, conduct=self.state.conduct.lost(self.now))
        self._touch(order.symbol)
        self._filled = True
        self.tell(
            TradeExecuted(
                order_ref=order.ref,
                symbol=order.symbol,
                side=order.side,
                price=price,
                size=size,
                fee=paid,
                pnl=result.closed_pnl,
                start_position=before.signed_size,
                liquidity=liquidity,
                fill_quality=quality,
                at=self.now,
                liquidation=liquidation,
            )
        )

    def record_equity(self) -> None:
        """Write down the equity now, and roll the day where a new one began."""
        equity = self.state.equity(self.market)
        day = replace(self.state.day.rolled(self.now), last_equity=equity)
        self.state = replace(self.state, day=day)
        profit = day.profit(equity)
        self.tell(EquityRecorded(EquityPoint(self.now, self.state.cash, equity, profit.pnl, profit.return_pct)))

    def finish(self) -> tuple[Fact, ...]:
        """Tell each changed position once, equity once if anything filled, and return all facts in order."""
        for symbol in self._changed_symbols:
            position = self.state.positions[symbol]
            mark = self.market.mark(symbol, otherwise=position.entry_price)
            self.tell(PositionChanged(position, mark, self.now))
        if self._filled:
            self.record_equity()
        return tuple(self._facts)

    def _touch(self, symbol: str) -> None:
        if symbol not in self._changed_symbols:
            self._changed_symbols.append(symbol)
