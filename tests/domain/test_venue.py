"""The whole venue: between accounts and the house nothing is ever made or lost.

The market outside is the counterparty of ordinary fills, so the venue's worth changes by nothing but: cash that comes
or goes, fees, what fills cost against the mark, and the marks themselves. Ledger entries of kinds `backstop` and
`bad_debt` add up to nothing over all accounts, and so do the sizes of what goes over, symbol by symbol.
"""

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import BTC, ETH, NOW, SECOND, a_market, an_account, an_order, d
from trading.domain.book import Book, Level
from trading.domain.commands import Command, Liquidate
from trading.domain.decider import Rejected, decide
from trading.domain.enums import FillQuality, LedgerKind, MarginMode
from trading.domain.facts import CashMoved, Fact, TradeExecuted
from trading.domain.market import Market, Quote
from trading.domain.risk import pools
from trading.domain.state import AccountState

OWN = (LedgerKind.BACKSTOP, LedgerKind.BAD_DEBT)
HOUSE = 3


@st.composite
def markets(draw: st.DrawFn) -> Market:
    """Draw marks within a third of the usual ones, each with a book of its own, thin or deep or empty."""

    def quote(symbol: str, usual: int) -> Quote:
        mark = d(usual + usual * draw(st.integers(-33, 33)) // 100)
        sizes = draw(st.lists(st.sampled_from(["0.01", "0.5", "20"]), max_size=3))
        bids = tuple(Level(mark - place - 1, d(size)) for place, size in enumerate(sizes))
        asks = tuple(Level(mark + place + 1, d(size)) for place, size in enumerate(reversed(sizes)))
        return Quote(symbol, mark, NOW, book=Book(bids, asks), expires=False)

    listed = draw(st.sampled_from([(BTC, ETH), (BTC, ETH), (ETH,)]))  # what is unlisted goes on having a mark
    return a_market(quote("BTC", 67_000), quote("ETH", 3_000), instruments=listed)


placed = st.builds(
    an_order,
    side=st.sampled_from(["buy", "sell"]),
    size=st.sampled_from(["0.01", "0.3", "3"]),
    symbol=st.sampled_from(["BTC", "ETH"]),
    leverage=st.sampled_from([3, 25]),
    margin_mode=st.sampled_from([None, MarginMode.ISOLATED, MarginMode.CROSS]),
)
steps = st.lists(
    st.tuples(markets(), st.lists(st.tuples(st.integers(1, 2), placed), max_size=3)), min_size=1, max_size=10
)


class Venue:
    """Two accounts and the house."""

    def __init__(self) -> None:
        self.states = {number: replace(an_account("10000"), id=number) for number in (1, 2)}
        self.states[HOUSE] = replace(an_account("0"), id=HOUSE, is_house=True)
        self.facts: list[Fact] = []

    def give(self, account: int, command: Command, market: Market, now: Any) -> None:
        decided = decide(self.states[account], command, market, now)
        self.states[account] = decided.state
        if isinstance(decided, Rejected):
            return
        self.facts += decided.facts
        for each in decided.for_house:
            taken = decide(self.states[HOUSE], each, market, now)
            assert not isinstance(taken, Rejected)
            self.states[HOUSE] = taken.state
            self.facts += taken.facts

    def worth(self, market: Market) -> Decimal:
        return sum((state.equity(market) for state in self.states.values()), d(0))

    def sizes(self) -> dict[str, Decimal]:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for state in self.states.values():
            for symbol, position in state.positions.items():
                held[symbol] += position.signed_size
        return held


def told(story: Any) -> Any:
    """Tell a story; yield the venue with the market after each command, and the facts that the command had."""
    venue, now = Venue(), NOW
    for market, orders in story:
        now += SECOND
        commands: list[tuple[int, Command]] = [*orders, (1, Liquidate()), (2, Liquidate())]
        for account, command in commands:
            before, worth, sizes = len(venue.facts), venue.worth(market), venue.sizes()
            venue.give(account, command, market, now)
            yield venue, market, worth, sizes, venue.facts[before:]


@given(steps)
@settings(max_examples=150)
def test_liquidation_makes_and_loses_nothing(story: Any) -> None:
    entries = d(0)
    for venue, market, worth, sizes, facts in told(story):
        trades = [fact for fact in facts if isinstance(fact, TradeExecuted)]
        outside = [trade for trade in trades if trade.fill_quality is not FillQuality.BACKSTOP]
        own = [fact.amount for fact in facts if isinstance(fact, CashMoved) and fact.kind in OWN]
        entries += sum(own, d(0))
        assert sum(own, d(0)) == 0
        # Sizes change by what was traded with the market outside, and by nothing else.
        for trade in outside:
            sizes[trade.symbol] += trade.size * trade.side.sign
        held = venue.sizes()
        assert {s: size for s, size in held.items() if size} == {s: size for s, size in sizes.items() if size}
        # The venue's worth by their fees and what they cost against the mark, and by nothing else.
        cost = sum(
            (
                trade.side.sign * trade.size * (trade.price - market.quotes[trade.symbol].mark) + trade.fee
                for trade in outside
            ),
            d(0),
        )
        assert venue.worth(market) == worth - cost
    assert entries == 0


@given(steps)
@settings(max_examples=150)
def test_cash_is_deposits_and_the_facts_since_and_nobody_is_left_owing(story: Any) -> None:
    for venue, *_ in told(story):
        profit = sum((f.pnl or 0) - f.fee for f in venue.facts if isinstance(f, TradeExecuted))
        moved = sum(f.amount for f in venue.facts if isinstance(f, CashMoved))
        assert sum(state.cash for state in venue.states.values()) == 20_000 + profit + moved
    market = story[-1][0]
    for number in (1, 2):
        state: AccountState = decide(venue.states[number], Liquidate(), market, NOW).state
        for pool in pools(state, market):
            assert pool.value >= 0
            assert not pool.is_for_backstop
        for position in state.positions.values():
            assert position.is_isolated or position.isolated_margin == 0
            assert position.is_open or position.isolated_margin == 0
