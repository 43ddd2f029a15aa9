"""How commands are batched changes nothing: each is decided alone, on what those before it left."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.given import BTC, ETH, NOW, an_account, d
from tests.domain.stories import cash_moves, decisions, orders
from trading.domain.book import Book, Level
from trading.domain.commands import CancelAllOrders, Command, RecordEquity
from trading.domain.decider import Accepted, decide
from trading.domain.facts import Fact
from trading.domain.market import Market, Quote
from trading.domain.state import AccountState
from trading.market.board import Board

INSTRUMENTS = {"BTC": BTC, "ETH": ETH}
asked = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(orders(), orders(), cash_moves(), decisions, st.builds(CancelAllOrders), st.just(RecordEquity())),
    ),
    min_size=1,
    max_size=20,
)  # fmt: skip


def a_board() -> Board:
    book = Book(
        (Level(d(66_990), d("0.5")), Level(d(66_900), d(1))), (Level(d(67_010), d("0.3")), Level(d(67_020), d(1)))
    )
    board = Board()
    board.put([Quote("BTC", d(67_000), NOW, book=book), Quote("ETH", d(3_000), NOW)])
    return board


def carried_out(
    story: list[tuple[int, Command]], sizes: list[int]
) -> tuple[dict[int, AccountState], list[Fact], Market]:
    """Decide a story in batches of these sizes, over and over, as the desk does: each batch gets its market anew."""
    board, told, rest = a_board(), list[Fact](), list(story)
    states = {number: an_account("20000") for number in range(3)}
    while rest:
        for size in sizes:
            batch, rest = rest[:size], rest[size:]
            market = board.market(INSTRUMENTS, timedelta(seconds=15))
            for number, command in batch:
                before = states[number]
                decided = decide(before, command, market, NOW)
                states[number] = decided.state
                facts = decided.facts if isinstance(decided, Accepted) else ()
                told += facts
                if not facts:  # neither cash nor a position ever changes without one
                    assert (decided.state.cash, decided.state.positions) == (before.cash, before.positions)
            board.keep(market)
    return states, told, board.market(INSTRUMENTS, timedelta(seconds=15))


@given(asked, st.lists(st.integers(1, 9), min_size=1, max_size=5))
@settings(max_examples=60)
def test_any_split_into_batches_gives_the_same(story: list[tuple[int, Command]], sizes: list[int]) -> None:
    whole = carried_out(story, [len(story)])
    split = carried_out(story, sizes)
    assert split[:2] == whole[:2]
    for symbol, quote in whole[2].quotes.items():
        assert split[2].book(quote) == whole[2].book(quote), symbol
