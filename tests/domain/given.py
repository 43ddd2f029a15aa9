"""Instruments, markets, accounts and orders for tests of the rules."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.domain.book import Book, levels_from
from trading.domain.commands import Command, PlaceOrder
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import OrderType, PositionSide, Side
from trading.domain.equity import Day
from trading.domain.errors import Rejection
from trading.domain.facts import Fact, TradeExecuted
from trading.domain.instruments import Instrument, tiers_from
from trading.domain.market import Market, Quote
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.positions import Position
from trading.domain.state import AccountState

NOW = datetime(2025, 3, 14, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BTC = Instrument("BTC", 5, tiers_from([[0, 40], [150_000_000, 20]]))
ETH = Instrument("ETH", 4, tiers_from([[0, 25], [100_000_000, 15]]))
Levels = Iterable[tuple[str, str]]
BIDS = (("66990", "1"), ("66980", "2"))
ASKS = (("67010", "1"), ("67020", "2"))


def d(text: object) -> Decimal:
    return Decimal(str(text))


def a_quote(
    mark: str = "67000", symbol: str = "BTC", *, bids: Levels | None = None, asks: Levels | None = None, **values: Any
) -> Quote:
    """Build a quote; with levels on either side it has a real book, else one is assumed around its mark."""
    book = None
    if bids is not None or asks is not None:
        book = Book(levels_from(tuple(bids or ())), levels_from(tuple(asks or ())))
    return Quote(symbol, d(mark), values.pop("at", NOW), book=book, **values)


def a_market(*quotes: Quote, instruments: Iterable[Instrument] = (BTC, ETH)) -> Market:
    return Market({each.symbol: each for each in instruments}, {quote.symbol: quote for quote in quotes})


def a_booked_market(bids: Levels = BIDS, asks: Levels = ASKS, mark: str = "67000") -> Market:
    """Build a market with a real book of BTC, and ETH at 3000 without one."""
    return a_market(a_quote(mark, bids=bids, asks=asks), a_quote("3000", "ETH"))


def an_account(cash: str = "10000", **values: Any) -> AccountState:
    positions: Mapping[str, Position] | Iterable[Position] = values.pop("positions", ())
    day = values.pop("day", None) or Day(NOW.date(), d(0), d(cash), d(cash))
    return AccountState(1, d(cash), day, positions={each.symbol: each for each in positions}, **values)


def a_position(signed_size: str, entry: str = "67000", symbol: str = "BTC", leverage: int = 10) -> Position:
    size = abs(d(signed_size))
    side = PositionSide.LONG if d(signed_size) >= 0 else PositionSide.SHORT
    return Position(symbol, leverage, side, size, size * d(entry))


def an_order(side: str = "buy", size: str = "0.1", price: str | None = None, **values: Any) -> PlaceOrder:
    """Build a market order, or with a price a limit order."""
    return PlaceOrder(
        values.pop("symbol", "BTC"),
        Side(side),
        d(size),
        values.pop("order_type", OrderType.MARKET if price is None else OrderType.LIMIT),
        None if price is None else d(price),
        **values,
    )


def accepted(
    state: AccountState, command: Command, market: Market, now: datetime = NOW, policies: Policies = DEFAULTS
) -> Accepted:
    """Decide a command that must be accepted."""
    decided = decide(state, command, market, now, policies)
    assert isinstance(decided, Accepted), decided
    return decided


def after(state: AccountState, market: Market, *commands: Command) -> AccountState:
    """Decide commands that must all be accepted; return the account after them."""
    for command in commands:
        state = accepted(state, command, market).state
    return state


def refused(
    state: AccountState, command: Command, market: Market, now: datetime = NOW, policies: Policies = DEFAULTS
) -> Rejection:
    """Decide a command that must be refused, and changes nothing; return why."""
    decided = decide(state, command, market, now, policies)
    assert isinstance(decided, Rejected), decided
    assert decided.state == state
    return decided.error


def trades(facts: Iterable[Fact]) -> list[TradeExecuted]:
    return [fact for fact in facts if isinstance(fact, TradeExecuted)]


def fills(facts: Iterable[Fact]) -> list[tuple[Decimal, Decimal]]:
    """Return (price, size) of each fill."""
    return [(trade.price, trade.size) for trade in trades(facts)]
