"""Marks for feeds that tell none."""

import json
from datetime import timedelta
from decimal import Decimal

from tests.domain.given import BTC, NOW, SECOND
from trading.domain.book import Book, levels_from
from trading.domain.market import Quote
from trading.market.marking import Marking


def heard(marking: Marking, seconds: int, oracle: str = "67000", bid: str = "67010") -> Quote:
    book = Book(levels_from([[bid, "1"]]), levels_from([[str(Decimal(bid) + 10), "1"]]))
    return marking.quote(BTC, NOW + seconds * SECOND, oracle=Decimal(oracle), book=book, last=Decimal(bid))


def test_a_quote_has_a_mark_on_the_tick_that_changes_every_three_seconds() -> None:
    marking = Marking()
    first = heard(marking, 0)
    assert (first.mark, first.oracle) == (67_010, 67_000)
    assert heard(marking, 1, bid="67100").mark == first.mark
    later = heard(marking, 4, bid="67100")
    assert later.mark > first.mark
    assert BTC.price_is_valid(later.mark)
    assert later.expires


def test_it_goes_on_from_its_cursor_as_if_it_had_not_stopped() -> None:
    straight, stopped = Marking(), Marking()
    for number in range(20):
        for marking in (straight, stopped):
            heard(marking, 3 * number, bid=str(67_000 + number))
    resumed = Marking(json.loads(json.dumps(stopped.cursor())))
    for number in range(20, 40):
        assert heard(resumed, 3 * number, bid=str(67_500 - number)) == heard(
            straight, 3 * number, bid=str(67_500 - number)
        )


def test_one_symbol_does_not_move_another() -> None:
    marking = Marking()
    heard(marking, 0)
    assert set(marking.cursor()) == {"BTC"}
    assert heard(marking, int(timedelta(hours=1).total_seconds()), bid="60000").mark < 67_000
