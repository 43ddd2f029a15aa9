"""What is traded now, and how it stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from django.db.models import OuterRef, Subquery

from trading.domain.instruments import Instrument as InstrumentValue
from trading.domain.market import Market, Quote
from trading.domain.money import CONTEXT
from trading.models import Candle, FundingRate, Instrument

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Listed:
    """An instrument, its last quote (None before the first), and the last hour's funding rate, a fraction.

    `day_ago`: the mark of 24 hours ago, USDC; None where no candle tells it.
    """

    instrument: InstrumentValue
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
    """Return all instruments that are traded, by symbol: two queries, by indexes, however long their histories are."""
    symbols = sorted(market.instruments)
    last = FundingRate.objects.filter(instrument=OuterRef("pk")).order_by("-hour").values("rate")[:1]
    priced = Instrument.objects.filter(pk__in=symbols).annotate(rate=Subquery(last))
    rates = dict(priced.values_list("pk", "rate"))
    hour_then = (now - DAY).replace(minute=0, second=0, microsecond=0)
    candles = Candle.objects.filter(instrument__in=symbols, interval="1h", opened_at=hour_then)
    then = dict(candles.values_list("instrument", "open"))
    found = []
    for symbol in symbols:
        quote = market.quotes.get(symbol)
        stale = quote is None or market.is_stale(quote, now)
        found.append(Listed(market.instruments[symbol], quote, stale, rates.get(symbol), then.get(symbol)))
    return found
