"""What is traded now, and how it stands."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Max

from trading.domain.instruments import Instrument
from trading.domain.market import Market, Quote
from trading.models import FundingRate


@dataclass(frozen=True, slots=True)
class Listed:
    """An instrument, its last quote (None before the first), and the last hour's funding rate, a fraction."""

    instrument: Instrument
    quote: Quote | None
    is_stale: bool
    funding_rate: Decimal | None


def listed(market: Market, now: datetime) -> list[Listed]:
    """Return all instruments that are traded, by symbol: one query."""
    last = FundingRate.objects.values("instrument").annotate(last=Max("hour")).values_list("instrument", "last")
    hours = dict(last)
    rates = {
        row.instrument_id: row.rate
        for row in FundingRate.objects.filter(hour__in=set(hours.values()))
        if hours[row.instrument_id] == row.hour
    }
    found = []
    for symbol in sorted(market.instruments):
        quote = market.quotes.get(symbol)
        stale = quote is None or market.is_stale(quote, now)
        found.append(Listed(market.instruments[symbol], quote, stale, rates.get(symbol)))
    return found
