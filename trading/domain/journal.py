"""One command's journal: the account as it changes, and the facts that say so."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trading.domain.enums import FillQuality, Liquidity
from trading.domain.equity import EquityPoint
from trading.domain.facts import EquityRecorded, Fact, OrderChanged, PositionChanged, TradeExecuted
from trading.domain.fees import fee
from trading.domain.market import Market
from trading.domain.orders import Order
from trading.domain.positions import apply_fill
from trading.domain.state import AccountState


class Journal:
    """Collects what one command does. Nothing of it counts until the command is accepted."""

    def __init__(self, state: AccountState, market: Market, now: datetime) -> None:
        self.state = state
        self.market = market
        self.now = now
        self._facts: list[Fact] = []
        self._changed_symbols: list[str] = []
        self._filled = False

    def tell(self, fact: Fact) -> None:
        self._facts.append(fact)

    def new_ref(self) -> int:
        ref = self.state.next_ref
        self.state = replace(self.state, next_ref=ref - 1)
        return ref

    def put_order(self, order: Order, *, created: bool = False) -> None:
        """Keep an order's new value and tell it."""
        self.state = self.state.with_order(order)
        self.tell(OrderChanged(order, created))

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Change the leverage of a position that exists; it is told with the command's other changes."""
        position = self.state.positions.get(symbol)
        if position is not None and position.leverage != leverage:
            self.state = self.state.with_position(replace(position, leverage=leverage))
            self._touch(symbol)

    def fill(self, order: Order, size: Decimal, price: Decimal, liquidity: Liquidity, quality: FillQuality) -> None:
        """Book one fill of an order: position, realised PnL and fee. The order itself is told by its owner."""
        before = self.state.position(order.symbol, order.leverage)
        result = apply_fill(before, order.side, size, price)
        paid = fee(price, size, self.state.fee_rates.rate(liquidity))
        cash = self.state.cash - paid + (result.closed_pnl or 0)
        self.state = replace(self.state.with_position(result.position), cash=cash)
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
