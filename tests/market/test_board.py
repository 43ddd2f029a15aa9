"""What the board remembers of a book that was taken from, and when it forgets it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.domain.given import ASKS, BTC, NOW, SECOND, a_quote, d
from trading.domain.book import Level
from trading.domain.enums import Side
from trading.domain.market import Market, Quote
from trading.market.board import Board

QUOTE = a_quote(bids=[("66990", "1")], asks=ASKS)
TAKEN = (Level(d(67_010), d("0.4")),)


def market(board: Board) -> Market:
    return board.market({"BTC": BTC}, timedelta(seconds=15), NOW)


def best_ask(board: Board) -> Level:
    there = market(board)
    return there.book(there.quotes["BTC"]).asks[0]


@pytest.fixture
def board() -> Board:
    """A board from whose best ask 0.4 of 1 was taken."""
    made = Board()
    made.put([QUOTE])
    there = market(made)
    there.book(QUOTE)
    there.take("BTC", Side.BUY, TAKEN)
    made.keep(there)
    assert best_ask(made) == Level(d(67_010), d("0.6"))
    return made


@pytest.mark.parametrize(
    ("later", "left"),
    [
        (a_quote("67000", bids=[("66990", "1")], asks=ASKS), "0.6"),
        (a_quote("67003", bids=[("66990", "1")], asks=ASKS), "0.6"),
        (a_quote("67003", bids=[("66990", "1")], asks=ASKS, oracle=d("67001")), "0.6"),
        (a_quote("67000", bids=[("66991", "1")], asks=ASKS), "1"),
        (a_quote("67000", bids=[("66990", "1")], asks=ASKS, expires=False), "1"),
    ],
)
def test_what_was_taken_is_gone_until_the_book_is_another_whatever_the_mark_does(
    board: Board, later: Quote, left: str
) -> None:
    board.put([replace(later, at=NOW + SECOND)])
    assert best_ask(board).size == d(left)


def test_what_a_batch_takes_while_only_the_mark_moves_is_remembered_too(board: Board) -> None:
    there = market(board)
    there.book(QUOTE)
    there.take("BTC", Side.BUY, TAKEN)
    board.put([replace(QUOTE, mark=d(67_003), at=NOW + SECOND)])
    board.keep(there)
    assert best_ask(board).size == d("0.2")
    other = replace(QUOTE, book=replace(QUOTE.book, bids=()), at=NOW + 2 * SECOND)
    there = market(board)
    there.book(there.quotes["BTC"])
    there.take("BTC", Side.BUY, TAKEN[:1])
    board.put([other])
    board.keep(there)
    assert best_ask(board).size == 1
