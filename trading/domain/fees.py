"""Trading fees: what a fill costs, and the tier that an account's volume earns.

Source of the schedule: Hyperliquid documentation, "Fees".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.enums import Liquidity
from trading.domain.money import ZERO, truncate

VOLUME_DAYS = 14
"""A day's tier follows from the volume of the 14 full UTC days before it: it never changes within a day."""


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Fractions of the notional; a negative one is a rebate. Defaults: the base tier, 0.045 % taker, 0.015 % maker."""

    taker: Decimal = Decimal("0.00045")
    maker: Decimal = Decimal("0.00015")

    def rate(self, liquidity: Liquidity) -> Decimal:
        return self.taker if liquidity is Liquidity.TAKER else self.maker


@dataclass(frozen=True, slots=True)
class FeeTier:
    """The rates of whoever traded more than `over` USDC in 14 days, taking and making together."""

    over: Decimal
    rates: FeeRates


def _tiers(*rows: tuple[str, str, str]) -> tuple[FeeTier, ...]:
    return tuple(
        FeeTier(Decimal(over), FeeRates(Decimal(taker) / 100, Decimal(maker) / 100)) for over, taker, maker in rows
    )


TIERS = _tiers(
    ("-1", "0.045", "0.015"),
    ("5e6", "0.040", "0.012"),
    ("25e6", "0.035", "0.008"),
    ("100e6", "0.030", "0.004"),
    ("500e6", "0.028", "0"),
    ("2e9", "0.026", "0"),
    ("7e9", "0.024", "0"),
)
"""Lowest first; taker and maker in percent."""
REBATES = (
    (Decimal("0.005"), Decimal("-0.00001")),
    (Decimal("0.015"), Decimal("-0.00002")),
    (Decimal("0.03"), Decimal("-0.00003")),
)
"""The maker rate of whoever has more than this share of all that makers traded at the venue in 14 days."""


def rates_for(volume: Decimal, maker_share: Decimal | None = None, tiers: Sequence[FeeTier] = TIERS) -> FeeRates:
    """Return the rates that 14 days' volume (USDC) earns; a volume of exactly a bound still has the tier below.

    `maker_share` is the account's part, a fraction, of the maker volume of the whole venue; None where that is not
    known, as on paper: then nobody has a rebate.
    """
    rates = next((tier.rates for tier in reversed(tiers) if volume > tier.over), tiers[0].rates)
    rebate = None if maker_share is None else next((r for over, r in reversed(REBATES) if maker_share > over), None)
    return rates if rebate is None else FeeRates(rates.taker, rebate)


def fee(price: Decimal, size: Decimal, rate: Decimal) -> Decimal:
    """Return the fee of one fill in USDC: ``price * size * rate``, cut at 1e-6 as real fills show."""
    return truncate(price * size * rate)


@dataclass(frozen=True, slots=True)
class Volume:
    """What an account traded, USDC."""

    taker: Decimal = ZERO
    maker: Decimal = ZERO

    def plus(self, notional: Decimal, liquidity: Liquidity) -> "Volume":
        if liquidity is Liquidity.TAKER:
            return Volume(self.taker + notional, self.maker)
        return Volume(self.taker, self.maker + notional)
