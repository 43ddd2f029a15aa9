"""Mark prices, for a market that tells its oracle and its book but no mark of its own.

Source of the formulae: Hyperliquid documentation, "Robust price indices".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from statistics import median

from trading.domain.money import CONTEXT, ZERO

BASIS_TAU_S = 150
"""Over how many seconds the average of mid - oracle forgets (by a factor of e)."""
BOOK_TAU_S = 30
MARK_EVERY = timedelta(seconds=3)
"""How often a mark is made, as often as the venue's validators publish one."""
SECOND = timedelta(seconds=1)
SET_BACK = timedelta(minutes=1)
"""A sample that is older than the last one by more is not late: the clock was set back."""
PLACES = Decimal("1e-24")
"""To how many decimals an average's two sums are kept: a stored one goes on as if it had never been stored."""


@dataclass(frozen=True, slots=True)
class Ema:
    """An exponential moving average over samples at any distance, as two sums that both fade: USDC seconds, seconds."""

    numerator: Decimal = ZERO
    denominator: Decimal = ZERO

    @property
    def value(self) -> Decimal | None:
        """The average, None before the first sample."""
        return CONTEXT.divide(self.numerator, self.denominator) if self.denominator else None

    def after(self, seconds: Decimal, sample: Decimal, tau_s: int) -> "Ema":
        """Return the average with a sample that stands for the `seconds` since the one before."""
        if seconds <= 0:
            return self
        with localcontext(CONTEXT):
            fading = (-seconds / tau_s).exp()
            return Ema(
                (self.numerator * fading + sample * seconds).quantize(PLACES),
                (self.denominator * fading + seconds).quantize(PLACES),
            )


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a mark is made of, USDC. `last` is the last trade, `perp` the median of other venues' perpetuals."""

    oracle: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    last: Decimal | None = None
    perp: Decimal | None = None

    @property
    def mid(self) -> Decimal | None:
        return None if self.bid is None or self.ask is None else (self.bid + self.ask) / 2

    @property
    def book(self) -> Decimal | None:
        """The median of best bid, best ask and last trade, of those that there are."""
        known = [price for price in (self.bid, self.ask, self.last) if price is not None]
        return median(known) if known else None


def mark_price(inputs: Inputs, basis: Decimal | None, book_average: Decimal | None = None) -> Decimal:
    """Return the median of ``oracle + basis``, the book's median and the other venues' perpetual, unrounded.

    `basis` is the average of mid - oracle. Where only two of the three are known, `book_average` (the book's median
    averaged over 30 s) is the third, where it is given; else their mean is the mark. Where nothing but the oracle is
    known, that is the mark.
    """
    with localcontext(CONTEXT):
        fair = None if basis is None else inputs.oracle + basis
        known = [price for price in (fair, inputs.book, inputs.perp) if price is not None]
        if len(known) == 2 and book_average is not None:
            known.append(book_average)
        return median(known) if known else inputs.oracle


@dataclass(frozen=True, slots=True)
class Marker:
    """Makes the marks of one symbol out of what its market says. A value: each input gives the next one."""

    basis: Ema = Ema()
    book: Ema = Ema()
    mark: Decimal | None = None
    """The last one made, USDC, unrounded."""
    sampled_at: datetime | None = None
    marked_at: datetime | None = None

    def after(self, inputs: Inputs, at: datetime) -> "Marker":
        """Return the marker after it saw the market at a time (UTC). A new mark is made every 3 s.

        The first sample counts for as long as one lies from the next as a rule, as nothing is known before it. A pause
        counts in full: what was before it is forgotten as it would have been. Where the clock was set back all begins
        anew.
        """
        if self.sampled_at is not None and at <= self.sampled_at:
            return self if self.sampled_at - at <= SET_BACK else Marker().after(inputs, at)
        since = MARK_EVERY if self.sampled_at is None else at - self.sampled_at
        seconds = CONTEXT.divide(Decimal(since // timedelta(microseconds=1)), Decimal(1_000_000))
        basis, book = self.basis, self.book
        if inputs.mid is not None:
            basis = basis.after(seconds, inputs.mid - inputs.oracle, BASIS_TAU_S)
        if inputs.book is not None:
            book = book.after(seconds, inputs.book, BOOK_TAU_S)
        mark, marked_at = self.mark, self.marked_at
        if mark is None or marked_at is None or at - marked_at >= MARK_EVERY:
            mark, marked_at = mark_price(inputs, basis.value, book.value), at
        return Marker(basis, book, mark, at, marked_at)
