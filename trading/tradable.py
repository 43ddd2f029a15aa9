"""What is traded now, and how it stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from django.db.models import Max

from trading.domain.instruments import Instrument
from trading.domain.market import Market, Quote
from trading.domain.money import CONTEXT
from trading.models import Candle, FundingRate

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Listed:
    """An instrument, its last quote (None before the first), and the last hour's funding rate, a fraction.

    `day_ago`: the mark of 24 hours ago, USDC; None where no candle tells it.
    """

    instrument: Instrument
    quote: Quote | None
    is_stale: bool
    funding_rate: Decimal | None
    day_ago: Decimal | None

    @property
    def change_24h_pct(self) -> Decimal | None:
        """How far the mark is from that of 24 hours ago, in percent, rounded to 1e-4."""
        if self.quote is None or self.day_ago is None:
            return None
        with localcontext(CONTEXT):
            return ((self.quote.mark / self.day_ago - 1) * 100).quantize(Decimal("0.0001"))


def listed(market: Market, now: datetime) -> list[Listed]:
    """Return all instruments that are traded, by symbol: three queries."""
    last = FundingRate.objects.values("instrument").annotate(last=Max("hour")).values_list("instrument", "last")
    hours = dict(last)
    rates = {
        row.instrument_id: row.rate
        for row in FundingRate.objects.filter(hour__in=set(hours.values()))
        if hours[row.instrument_id] == row.hour
    }
    hour_then = (now - DAY).replace(minute=0, second=0, microsecond=0)
    then = dict(Candle.objects.filter(interval="1h", opened_at=hour_then).values_list("instrument", "open"))
    found = []
    for symbol in sorted(market.instruments):
        quote = market.quotes.get(symbol)
        stale = quote is None or market.is_stale(quote, now)
        found.append(Listed(market.instruments[symbol], quote, stale, rates.get(symbol), then.get(symbol)))
    return found
