"""How commands are batched changes nothing: each is decided alone, on what those before it left."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import BTC, ETH, NOW, an_account, an_order, d
from tests.domain.stories import Asked, OnOrder, Price, Way, asked, asked_of, crowded, often
from trading.domain.book import Book, Level
from trading.domain.commands import CancelAtDeadline, Command, FireTrigger, MatchOrder
from trading.domain.decider import Accepted, decide
from trading.domain.facts import Fact
from trading.domain.latency import Latency
from trading.domain.market import Market, Quote
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.state import AccountState
from trading.market.board import Board

INSTRUMENTS = {"BTC": BTC, "ETH": ETH}
STALE_AFTER = timedelta(seconds=15)
ACCOUNTS = (1, 2, 3)
Told = list[tuple[int, Asked]]
BOOK = Book(
    tuple(Level(d(66_990 - 10 * step), d("0.04")) for step in range(9)),
    tuple(Level(d(67_010 + 10 * step), d("0.04")) for step in range(9)),
)
traded = st.builds(
    Price,
    st.just("BTC"),
    st.just(d(67_000)),
    st.just(BOOK),
    st.lists(st.builds(Level, st.sampled_from([d(66_990), d(67_000), d(67_020)]), st.just(d("0.02"))), max_size=2).map(
        tuple
    ),
)
each = often((4, asked), (4, crowded), (2, traded))
told_to = st.lists(st.tuples(st.sampled_from(ACCOUNTS), each), min_size=1, max_size=20)


class Exchange:
    """Three accounts and a market, batch by batch as the desk does it: each batch gets its market anew."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes, self.batches = sizes, 0
        self.now, self.policies = NOW, DEFAULTS
        self.facts: list[Fact] = []
        self.states = {number: an_account("20000") for number in ACCOUNTS}
        self.board = Board()
        self.board.put(
            [Quote("BTC", d(67_000), NOW, book=BOOK, expires=False), Quote("ETH", d(3_000), NOW, expires=False)]
        )

    def market(self) -> Market:
        return self.board.market(INSTRUMENTS, STALE_AFTER, self.now)

    def tell(self, story: Told) -> "Exchange":
        """Carry a story out; where the market moves, or the way to it changes, a batch ends in any case."""
        run: list[tuple[int, Asked]] = []
        for number, each in story:
            if not isinstance(each, Price | Way):
                run.append((number, each))
                continue
            self.carry_out(run)
            run = []
            if isinstance(each, Way):
                self.policies = Policies(latency=Latency(0, each.hours * 3_600_000))
                continue
            self.now += timedelta(hours=1)
            self.board.put([Quote(each.symbol, each.mark, self.now, book=each.book, expires=False, trades=each.trades)])
            for account, state in self.states.items():
                active = [ref for ref, order in state.orders.items() if order.is_active]
                run += [(account, FireTrigger(ref)) for ref in active] + [(account, MatchOrder(ref)) for ref in active]
                run.append((account, CancelAtDeadline()))
        self.carry_out(run)
        return self

    def carry_out(self, run: Told) -> None:
        while run:
            size = self.sizes[self.batches % len(self.sizes)]
            batch, run, self.batches = run[:size], run[size:], self.batches + 1
            market = self.market()
            for number, each in batch:
                command = self.command(self.states[number], each)
                if command is not None:
                    self.decide(number, command, market)
            self.board.keep(market)

    def command(self, state: AccountState, each: Asked) -> Command | None:
        if not isinstance(each, OnOrder):
            assert not isinstance(each, Price | Way)
            return each
        return asked_of(list(state.orders.values()), each) if state.orders else None

    def decide(self, number: int, command: Command, market: Market) -> None:
        before = self.states[number]
        decided = decide(before, command, market, self.now, self.policies)
        self.states[number] = decided.state
        facts = decided.facts if isinstance(decided, Accepted) else ()
        self.facts += facts
        if not facts:  # neither cash nor a position ever changes without one
            assert (decided.state.cash, decided.state.positions) == (before.cash, before.positions)


@given(told_to, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_any_split_into_batches_gives_the_same(story: Told, sizes: list[int]) -> None:
    whole, split = Exchange([10_000]).tell(story), Exchange(sizes).tell(story)
    assert split.states == whole.states
    assert split.facts == whole.facts
    market, other = whole.market(), split.market()
    for symbol, quote in market.quotes.items():
        assert other.book(quote) == market.book(quote), symbol
        assert other.prints_of(quote) == market.prints_of(quote), symbol


@given(st.lists(st.sampled_from(["0.3", "7", "90", "300"]), min_size=2, max_size=9))
@settings(max_examples=60)
def test_what_is_taken_from_an_assumed_book_is_the_same_in_one_batch_or_many(sizes: list[str]) -> None:
    """So much that several of its levels go."""
    story: Told = [(number % 3 + 1, an_order("buy", size, symbol="ETH")) for number, size in enumerate(sizes)]
    whole, split = Exchange([10_000]), Exchange([1])
    for each in (whole, split):
        each.states = {number: an_account("100000000") for number in ACCOUNTS}
        each.tell(story)
    assert split.facts == whole.facts
