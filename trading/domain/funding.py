"""Funding payments between longs and shorts."""

from decimal import Decimal

from trading.domain.money import truncate


def payment(signed_size: Decimal, oracle: Decimal, rate: Decimal) -> Decimal:
    """Return what the holder receives in USDC (negative: pays): ``-signed_size * oracle * rate``, cut at 1e-6.

    `signed_size` is positive for a long; `rate` is the hourly rate; the oracle's price counts, not the mark.
    """
    return truncate(-signed_size * oracle * rate)
