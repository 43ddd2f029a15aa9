"""Fills, told as the trades that people count."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.given import NOW, SECOND, a_market, a_quote, an_account, d
from trading.domain.commands import PlaceOrder
from trading.domain.decider import Accepted, decide
from trading.domain.enums import FillQuality, Liquidity, PositionSide, Side
from trading.domain.facts import TradeExecuted
from trading.domain.round_trips import RoundTrip, round_trips


def a_fill(side: Side, size: str, price: str, start: str, *, pnl: str | None = None, at: int = 0) -> TradeExecuted:
    return TradeExecuted(
        1, "BTC", side, d(price), d(size), d("0.3"), None if pnl is None else d(pnl), d(start), Liquidity.TAKER,
        FillQuality.SYNTHETIC, NOW + at * SECOND,
    )  # fmt: skip


def test_a_trade_lasts_from_the_first_fill_to_the_one_that_leaves_nothing() -> None:
    fills = [
        a_fill(Side.BUY, "1", "100", "0"),
        a_fill(Side.BUY, "1", "110", "1", at=1),
        a_fill(Side.SELL, "0.5", "120", "2", pnl="7.5", at=2),
        a_fill(Side.SELL, "1.5", "100", "1.5", pnl="-7.5", at=3),
        a_fill(Side.SELL, "1", "100", "0", at=4),
    ]
    [first, second] = round_trips(fills)
    assert first == RoundTrip("BTC", PositionSide.LONG, NOW, d(105), d(2), d(0), d("1.2"), NOW + 3 * SECOND, d(105))
    assert first.net_pnl == d("-1.2")
    assert (second.side, second.closed_at, second.exit, second.opened_at) == (
        PositionSide.SHORT, None, None, NOW + 4 * SECOND,
    )  # fmt: skip


def test_a_flip_ends_one_and_begins_another_and_shares_its_fee() -> None:
    fills = [a_fill(Side.SELL, "1", "100", "0"), a_fill(Side.BUY, "3", "90", "-1", pnl="10", at=1)]
    [ended, begun] = round_trips(fills)
    assert (ended.pnl, ended.fees, ended.exit) == (d(10), d("0.4"), d(90))
    assert (begun.size, begun.fees, begun.entry) == (d(2), d("0.2"), d(90))


def test_what_was_opened_before_the_first_known_fill_has_no_entry() -> None:
    [trip] = round_trips([a_fill(Side.SELL, "1", "100", "1", pnl="5")])
    assert (trip.opened_at, trip.entry, trip.size, trip.net_pnl) == (None, None, d(1), d("4.7"))


@given(st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 30), st.integers(66_000, 68_000)), max_size=25))
def test_profits_and_fees_of_the_trades_are_those_of_the_fills(orders: list[tuple[Side, int, int]]) -> None:
    state, fills = an_account("1000000"), list[TradeExecuted]()
    for number, (side, lots, mark) in enumerate(orders):
        order = PlaceOrder("BTC", side, Decimal(lots) / 100, leverage=20)
        now = NOW + number * SECOND
        decided = decide(state, order, a_market(a_quote(str(mark), at=now)), now)
        assert isinstance(decided, Accepted)
        state = decided.state
        fills += [fact for fact in decided.facts if isinstance(fact, TradeExecuted)]
    trips = round_trips(fills)
    assert sum(trip.fees for trip in trips) == sum(fill.fee for fill in fills)
    assert sum(trip.pnl for trip in trips) == sum(fill.pnl or 0 for fill in fills)
    position = state.positions.get("BTC")
    assert sum(trip.closed_at is None for trip in trips) == int(position is not None and position.is_open)
