"""Perpetual contracts: lot, tick, leverage and margin tiers.

Source of the rules: Hyperliquid documentation, "Tick and lot size" and "Margin tiers".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

from trading.domain.enums import Side
from trading.domain.money import CONTEXT, decimals

MAX_PRICE_DECIMALS = 6
PRICE_FIGURES = 5
ONE = Decimal(1)
_FIGURES = {each: Context(prec=PRICE_FIGURES, rounding=each) for each in (ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN)}


@dataclass(frozen=True, slots=True)
class MarginTier:
    """From `lower_notional` (USDC of position value) upwards at most `max_leverage` is allowed."""

    lower_notional: Decimal
    max_leverage: int


@dataclass(frozen=True, slots=True)
class Instrument:
    """One perpetual: sizes in units of `symbol`, prices and notionals in USDC."""

    symbol: str
    size_decimals: int
    tiers: tuple[MarginTier, ...]
    default_leverage: int = 10
    min_notional: Decimal = Decimal(10)
    half_spread_bps: Decimal = Decimal("0.5")
    """Half of the spread that is assumed where the market gives no book, in basis points of the mark."""
    depth_notional: Decimal = Decimal(250_000)
    """USDC that is assumed to stand at each level where the market gives no book."""
    impact_notional: Decimal = Decimal(6_000)
    """USDC that the impact prices are those of, from which the premium follows that funding is made of."""

    @property
    def max_leverage(self) -> int:
        return self.tiers[0].max_leverage

    @property
    def price_decimals(self) -> int:
        return MAX_PRICE_DECIMALS - self.size_decimals

    def price_is_valid(self, price: Decimal) -> bool:
        return price_is_valid(price, self.size_decimals)

    def size_is_valid(self, size: Decimal) -> bool:
        return size_is_valid(size, self.size_decimals)


def tiers_from(rows: Sequence[Sequence[object]]) -> tuple[MarginTier, ...]:
    """Build tiers from ``[[lower_notional, max_leverage], …]``, lowest first."""
    return tuple(MarginTier(Decimal(str(lower)), int(str(leverage))) for lower, leverage in rows)


def price_is_valid(price: Decimal, size_decimals: int) -> bool:
    """Tell whether a price is on the tick: an integer, or ≤ 5 significant figures and ≤ 6 - size_decimals decimals."""
    if not price.is_finite() or price <= 0:
        return False
    places = decimals(price)
    if places == 0:
        return True
    figures = len(price.normalize(CONTEXT).as_tuple().digits)
    return places <= MAX_PRICE_DECIMALS - size_decimals and figures <= PRICE_FIGURES


def size_is_valid(size: Decimal, size_decimals: int) -> bool:
    """Tell whether a size is on the lot: positive, with at most `size_decimals` decimals."""
    return size.is_finite() and size > 0 and decimals(size) <= size_decimals


def round_to_tick(price: Decimal, size_decimals: int, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Round a price to the nearest valid one: 5 significant figures and 6 - size_decimals decimals, or an integer."""
    if price.adjusted() >= PRICE_FIGURES:
        return price.quantize(ONE, rounding, CONTEXT)
    return _five_figures(price, size_decimals, rounding)


def _five_figures(price: Decimal, size_decimals: int, rounding: str) -> Decimal:
    return _FIGURES[rounding].create_decimal(price).quantize(_tick(size_decimals), rounding, CONTEXT)


@lru_cache
def _tick(size_decimals: int) -> Decimal:
    return Decimal(1).scaleb(size_decimals - MAX_PRICE_DECIMALS)


def slippage_price(mid: Decimal, slippage: Decimal, side: Side, size_decimals: int) -> Decimal:
    """Return the limit at which a market order stops walking the book: ``mid * (1 ± slippage)``.

    Rounded to 5 significant figures and then to 6 - size_decimals decimals, prices over 100,000 too, as the venue's
    SDK does (``Exchange._slippage_price``).
    """
    return _five_figures(mid * (1 + slippage * side.sign), size_decimals, ROUND_HALF_EVEN)
