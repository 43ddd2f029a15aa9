"""What an account's positions stand on: all its cross positions together, each isolated one alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.domain import margin
from trading.domain.instruments import Instrument
from trading.domain.market import Market
from trading.domain.money import ZERO
from trading.domain.positions import Position
from trading.domain.state import AccountState


@dataclass(frozen=True, slots=True)
class Pool:
    """Open positions that stand or fall together, at the marks of a moment. USDC.

    `value` is what there is for them, `maintenance` what must be. `symbol`: of the isolated position that this is,
    None of the cross positions.
    """

    positions: tuple[Position, ...]
    value: Decimal
    maintenance: Decimal
    symbol: str | None = None

    @property
    def is_liquidatable(self) -> bool:
        return margin.is_liquidatable(self.value, self.maintenance)

    @property
    def is_for_backstop(self) -> bool:
        return margin.is_for_backstop(self.value, self.maintenance)

    def liquidation_price(self, position: Position, mark: Decimal, instrument: Instrument) -> Decimal | None:
        """Return the mark at which one of the positions would bring the pool down, None where that is not above 0."""
        return margin.liquidation_price(position, mark, self.value, self.maintenance, instrument.tiers)


def pool_of(state: AccountState, symbol: str | None, market: Market) -> Pool:
    """Return the pool of a symbol's isolated position, empty where that is closed; with None the cross positions'."""
    return _pool(state, symbol, state.marks(market), market.instruments)


def pools(state: AccountState, market: Market) -> list[Pool]:
    """Return each isolated position's pool, by symbol, and last the cross one, even if it holds no position."""
    marks = state.marks(market)
    alone = sorted(position.symbol for position in margin.isolated_positions(state.positions.values()))
    return [_pool(state, symbol, marks, market.instruments) for symbol in (*alone, None)]


def pool_with(state: AccountState, symbol: str, market: Market) -> Pool:
    """Return the pool that a symbol's position, as it stands, belongs to."""
    position = state.positions[symbol]
    return pool_of(state, symbol if position.is_open and position.is_isolated else None, market)


def _pool(
    state: AccountState, symbol: str | None, marks: Mapping[str, Decimal], instruments: Mapping[str, Instrument]
) -> Pool:
    """Symbols that nobody lists any more count with their value, but need no maintenance: nobody can trade them."""
    held = list(state.positions.values())
    if symbol is None:
        positions = margin.cross_positions(held)
        value = margin.cross_value(state.cash, held, marks)
    else:
        positions = margin.isolated_positions([state.positions[symbol]])
        value = margin.margin_used(positions, marks)
    needed = (
        margin.maintenance(instruments[p.symbol].tiers, p.value(marks[p.symbol])).margin
        for p in positions
        if p.symbol in instruments
    )
    return Pool(tuple(positions), value, sum(needed, ZERO), symbol)


def withdrawable(
    state: AccountState,
    market: Market,
    order_margin: Decimal | None = None,
    share: Decimal = margin.WITHDRAWABLE_NOTIONAL_SHARE,
) -> Decimal:
    """Return what neither positions nor orders hold, USDC: of the cross value, not below 0.

    `order_margin` is what the open orders hold, where that is known without the orders; `share` the part of the
    notional that stays, a policy.
    """
    marks = state.marks(market)
    held = list(state.positions.values())
    cross = margin.cross_positions(held)
    notional = sum((p.value(marks[p.symbol]) for p in cross), ZERO)
    value, used = margin.cross_value(state.cash, held, marks), margin.margin_used(cross, marks)
    held_by_orders = state.order_margin() if order_margin is None else order_margin
    return margin.withdrawable(value, used, notional, held_by_orders, share)
