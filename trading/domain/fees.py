"""Trading fees."""

from dataclasses import dataclass
from decimal import Decimal

from trading.domain.enums import Liquidity
from trading.domain.money import truncate


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Fractions of the notional. Defaults: the venue's base tier, 0.045 % taker and 0.015 % maker."""

    taker: Decimal = Decimal("0.00045")
    maker: Decimal = Decimal("0.00015")

    def rate(self, liquidity: Liquidity) -> Decimal:
        return self.taker if liquidity is Liquidity.TAKER else self.maker


def fee(price: Decimal, size: Decimal, rate: Decimal) -> Decimal:
    """Return the fee of one fill in USDC: ``price * size * rate``, cut at 1e-6 as real fills show."""
    return truncate(price * size * rate)
