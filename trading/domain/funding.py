"""Funding: the hourly payment between longs and shorts that ties a perpetual to its oracle.

Source of the formulae: Hyperliquid documentation, "Funding"; the hourly rate and the premium agree with its real rows.
Hours are those of the wall clock, UTC, as the venue's are, whatever time a replayed market plays. An hour is named by
the moment at which it ends and its payment is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

from trading.domain.book import Level
from trading.domain.instruments import Instrument
from trading.domain.market import Market
from trading.domain.money import CONTEXT, MICRO, ZERO, round_micro

HOUR = timedelta(hours=1)
SAMPLE_EVERY = timedelta(seconds=5)
INTEREST = Decimal("0.0001")
"""The rate of 8 hours (a fraction) at which funding rests while the premium is small."""
INTEREST_BAND = Decimal("0.0005")
MOST_HOURLY = Decimal("0.04")
HOURS_OF_RATE = 8
RATE_PLACES = Decimal("1e-12")
NO_PREMIUM = Decimal(0).quantize(RATE_PLACES)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def payment(signed_size: Decimal, oracle: Decimal, rate: Decimal, rounding: str = ROUND_DOWN) -> Decimal:
    """Return what the holder receives in USDC (negative: pays): ``-signed_size * oracle * rate``, cut at 1e-6.

    `rounding`: another mode of `decimal` in place of cutting.

    `signed_size` is positive for a long; `rate` is the hourly rate; the oracle's price counts, not the mark.
    """
    with localcontext(CONTEXT):
        return (-signed_size * oracle * rate).quantize(MICRO, rounding)


def impact_price(levels: Sequence[Level], notional: Decimal) -> Decimal | None:
    """Return the average price at which `notional` USDC would trade with these levels, best first.

    Where less stands there, the average of all of it; None where nothing does.
    """
    left, size = notional, ZERO
    with localcontext(CONTEXT):
        for level in levels:
            taken = min(left, level.price * level.size)
            size += taken / level.price
            left -= taken
            if not left:
                break
        return (notional - left) / size if size else None


def premium(impact_bid: Decimal | None, impact_ask: Decimal | None, oracle: Decimal) -> Decimal:
    """Return ``(max(impact_bid - oracle, 0) - max(oracle - impact_ask, 0)) / oracle``; a side without a price is 0."""
    above = ZERO if impact_bid is None else max(impact_bid - oracle, ZERO)
    below = ZERO if impact_ask is None else max(oracle - impact_ask, ZERO)
    return CONTEXT.divide(above - below, oracle)


def builder_premium(impact_bid: Decimal, impact_ask: Decimal, oracle: Decimal) -> Decimal:
    """Return ``(impact_bid + impact_ask) / 2 / oracle - 1``, the premium of perpetuals that builders deploy (HIP-3)."""
    return CONTEXT.divide((impact_bid + impact_ask) / 2, oracle) - 1


def hourly_rate(average_premium: Decimal) -> Decimal:
    """Return the rate of one hour, a fraction, from the hour's mean premium P, rounded to 1e-12.

    ``P + clamp(0.0001 - P, ±0.0005)`` is the rate of 8 hours; an eighth of it is paid each hour, at most 4 %.
    """
    with localcontext(CONTEXT):
        eight_hours = average_premium + _clamp(INTEREST - average_premium, INTEREST_BAND)
        return _clamp(eight_hours / HOURS_OF_RATE, MOST_HOURLY).quantize(RATE_PLACES)


def _clamp(value: Decimal, most: Decimal) -> Decimal:
    return max(-most, min(most, value))


def hour_of(at: datetime) -> datetime:
    """Return the hour that a moment belongs to, by its end; a full hour itself begins the next one."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR


def sample_of(at: datetime) -> int:
    """Return the number of the 5 seconds that a moment lies in, counted from 1970: one sample is taken in each."""
    return (at - EPOCH) // SAMPLE_EVERY


@dataclass(frozen=True, slots=True)
class Premiums:
    """The samples of one instrument's hour. `total` is the sum of their premiums, `last` the number of the last one.

    `oracle` is that of the last sample: the payment's notional is taken at it, as the price when the hour ended.
    """

    hour: datetime
    total: Decimal = ZERO
    samples: int = 0
    last: int = -1
    oracle: Decimal = ZERO

    def plus(self, number: int, sample: Decimal, oracle: Decimal) -> "Premiums":
        """Return them with one more sample; each number counts once, whoever takes it."""
        if number <= self.last:
            return self
        return Premiums(self.hour, self.total + sample, self.samples + 1, number, oracle)

    @property
    def mean(self) -> Decimal:
        """The mean premium, rounded to 1e-12. Ask only where there are samples."""
        return CONTEXT.divide(self.total, Decimal(self.samples)).quantize(RATE_PLACES, context=CONTEXT)


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at an instrument: its premium, a fraction, and its oracle, USDC."""

    premium: Decimal
    oracle: Decimal


def sampled(market: Market, instrument: Instrument, now: datetime) -> Sample | None:
    """Look at an instrument; return None where its price is missing or too old.

    The book is the one that the market gave, or the one that is assumed, without what the exchange's own fills took: a
    paper trader does not move the premium that he pays. Where the market tells no oracle the mark stands for it.
    """
    quote = market.quotes.get(instrument.symbol)
    if quote is None or market.is_stale(quote, now):
        return None
    oracle = round_micro(quote.mark if quote.oracle is None else quote.oracle)
    if not oracle:
        return None
    if quote.book is None and oracle == quote.mark:
        return Sample(NO_PREMIUM, oracle)  # what is assumed around the oracle has its impact prices on either side
    book = market.untouched_book(quote)
    bid = impact_price(book.bids, instrument.impact_notional)
    ask = impact_price(book.asks, instrument.impact_notional)
    return Sample(premium(bid, ask, oracle).quantize(RATE_PLACES, context=CONTEXT), oracle)


def key(symbol: str, hour: datetime) -> str:
    """Name an hour's payment in the ledger: unique for the account, so that it is made once."""
    return f"funding:{symbol}:{hour.astimezone(UTC):%Y-%m-%dT%H}"
