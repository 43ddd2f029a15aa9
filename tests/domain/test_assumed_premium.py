"""What is assumed around a mark has no premium, and what is passed over for it would have said so."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import NOW, a_market, a_quote
from trading.domain.book import synthetic_book
from trading.domain.funding import RATE_PLACES, Sample, impact_price, premium, sampled
from trading.domain.instruments import Instrument, round_to_tick, tiers_from
from trading.domain.liquidity import depleted
from trading.domain.money import CONTEXT, ZERO


@given(
    st.decimals("0.0001", "200000", places=6),
    st.integers(0, 5),
    st.decimals(0, 50, places=2),
    st.sampled_from([1, 6_000, 20_000, 10_000_000]),
)
def test_the_impact_prices_of_an_assumed_book_lie_on_either_side(
    price: Decimal, places: int, spread: Decimal, notional: int
) -> None:
    mark = round_to_tick(price, places)
    if mark <= 0:
        return
    instrument = Instrument(
        "X", places, tiers_from([[0, 10]]), half_spread_bps=spread, impact_notional=Decimal(notional)
    )
    book = synthetic_book(instrument, mark)
    bid, ask = (impact_price(side, instrument.impact_notional) for side in (book.bids, book.asks))
    worked = premium(bid, ask, mark).quantize(RATE_PLACES, context=CONTEXT)
    market = a_market(a_quote(str(mark), "X"), instruments=[instrument])
    assert sampled(market, instrument, NOW) == Sample(worked, mark)


@given(st.decimals("1", "200000", places=2))
def test_what_lacks_nothing_is_whole(price: Decimal) -> None:
    instrument = Instrument("X", 4, tiers_from([[0, 10]]))
    for levels in (synthetic_book(instrument, round_to_tick(price, 4)).bids,):
        assert depleted(levels, ZERO, 4) == levels
