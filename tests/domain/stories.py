"""Random stories of one account: what is asked of it while the market moves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.domain.given import BTC, ETH, NOW, a_market, an_account, an_order, d
from trading.domain.book import Book, Level
from trading.domain.commands import (
    AmendOrder,
    Bracket,
    CancelAfter,
    CancelAllOrders,
    CancelAtDeadline,
    CancelOrder,
    ClosePosition,
    Command,
    FireTrigger,
    MatchOrder,
    MoveCash,
    PlaceOrder,
    RecordEquity,
    SettleFunding,
    SubmitDecision,
)
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import Action, LedgerKind, MarginMode, OrderType, Side, TimeInForce
from trading.domain.latency import Latency
from trading.domain.market import Market, Quote
from trading.domain.orders import Order
from trading.domain.policies import DEFAULTS, Policies
from trading.domain.state import AccountState
from trading.domain.triggers import fires_falling

GRID = {"BTC": (BTC.size_decimals, 1, 67_000), "ETH": (ETH.size_decimals, 2, 3_000)}


@dataclass(frozen=True)
class Price:
    """The market moves: a new mark and, with levels, a new book."""

    symbol: str
    mark: Decimal
    book: Book | None
    trades: tuple[Level, ...] = ()


@dataclass(frozen=True)
class Way:
    """From now on orders are up to so many hours on their way to the exchange."""

    hours: int


@dataclass(frozen=True)
class OnOrder:
    """Something is asked of one of the orders placed so far."""

    number: int
    what: str
    figure: int = 0


near = st.integers(-4, 4)
symbols = st.sampled_from(["BTC", "ETH"])
sides = st.sampled_from(Side)


def often(*choices: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Draw from one of some strategies, each as often as its weight says."""
    return st.sampled_from([choice for weight, choice in choices for _ in range(weight)]).flatmap(lambda drawn: drawn)


def steps(places: int, low: str, high: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places, allow_nan=False)


@st.composite
def prices(draw: st.DrawFn, symbol: str) -> Decimal:
    """Draw a price within 2 % of the usual one, now and then within 8 %, on the tick: few, so that they meet."""
    return _at(symbol, draw(often((4, near), (1, st.integers(-16, 16)))))


crowded = st.builds(
    an_order,
    st.sampled_from(["buy", "sell"]),
    st.sampled_from(["0.01", "0.03", "0.1"]),
    st.sampled_from([None, "67000"]),
)
"""Orders that meet in the few best levels of a book."""


def _at(symbol: str, steps: int) -> Decimal:
    """Return a price on the tick, so many half percents from the usual one."""
    return d(GRID[symbol][2] + steps * GRID[symbol][2] // 200)


@st.composite
def moves(draw: st.DrawFn) -> Price:
    symbol = draw(symbols)
    mark = draw(prices(symbol))
    traded = st.builds(Level, prices(symbol), steps(GRID[symbol][0], "0.001", "0.5"))
    trades = tuple(draw(st.lists(traded, max_size=2)))
    if draw(st.booleans()):
        return Price(symbol, mark, None, trades)
    sizes = st.lists(steps(GRID[symbol][0], "0.001", draw(st.sampled_from(["0.05", "0.3", "2"]))), max_size=4)
    tick = d(1) if symbol == "BTC" else d("0.1")
    tick *= draw(st.sampled_from([1, 1, 1, 400 if symbol == "BTC" else 200]))  # a thin book costs who walks it
    bids = tuple(Level(mark - tick * (i + 1), size) for i, size in enumerate(draw(sizes)))
    asks = tuple(Level(mark + tick * (i + 1), size) for i, size in enumerate(draw(sizes)))
    return Price(symbol, mark, Book(bids, asks), trades)


@st.composite
def orders(draw: st.DrawFn) -> PlaceOrder:
    symbol = draw(symbols)
    size_decimals = GRID[symbol][0]
    kind = draw(st.sampled_from([OrderType.MARKET] * 2 + [OrderType.LIMIT] * 4 + list(OrderType)))
    is_limit = not kind.is_market
    odd = [d(text) for text in ("0", "-1", "0.0000001", "NaN", "Infinity", "1e11")]
    most = {"BTC": "0.5", "ETH": "9"}[symbol] if not kind.is_trigger else {"BTC": "2", "ETH": "40"}[symbol]
    size = draw(steps(size_decimals, "0.01", most))
    price = draw(prices(symbol))
    if draw(st.integers(0, 15)) == 9:
        size, price = draw(st.sampled_from([*odd, size])), draw(st.sampled_from([d("0.001"), d("67000.55"), price]))
    reduce_only = draw(st.integers(0, 5)) == 5
    follows = reduce_only and kind.is_trigger and draw(st.booleans())
    has_brackets = not reduce_only and draw(st.integers(0, 2)) == 2
    side = draw(sides)
    stop, profit = (-5, 5) if side is Side.BUY else (5, -5)
    away = draw(st.integers(-1, 6)) * (-1 if fires_falling(side, kind) else 1)
    return PlaceOrder(
        symbol=symbol,
        side=side,
        size=None if follows else size,
        order_type=kind,
        trigger_price=_at(symbol, away) if kind.is_trigger else None,
        stop_loss=Bracket(_at(symbol, stop)) if has_brackets else None,
        take_profit=Bracket(_at(symbol, profit), draw(st.none() | prices(symbol))) if has_brackets else None,
        price=price if is_limit else None,
        time_in_force=draw(st.sampled_from([None, *TimeInForce, TimeInForce.IOC])) if is_limit else None,
        reduce_only=reduce_only,
        leverage=draw(st.sampled_from([None, None, None, 1, 3, 10, 10, 20, 25, 25, 25, 99])),
        margin_mode=draw(st.sampled_from([None] * 8 + list(MarginMode))),
        client_order_id=draw(st.sampled_from([None] * 6 + ["a", "b", "c", "d"])),
    )


@st.composite
def protections(draw: st.DrawFn) -> PlaceOrder:
    """Draw a stop or take profit that follows the position, whatever that is."""
    symbol, side = draw(symbols), draw(sides)
    kind = draw(st.sampled_from([OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_MARKET]))
    trigger = _at(symbol, draw(st.integers(1, 6)) * (-1 if fires_falling(side, kind) else 1))
    price = None if kind.is_market else trigger
    return PlaceOrder(symbol, side, None, kind, price, reduce_only=True, trigger_price=trigger)


@st.composite
def cash_moves(draw: st.DrawFn) -> MoveCash:
    kind = draw(st.sampled_from([LedgerKind.DEPOSIT, LedgerKind.WITHDRAWAL, LedgerKind.FUNDING]))
    amount = draw(steps(6, "0.000001", "900"))
    return MoveCash(kind, -amount if kind is LedgerKind.WITHDRAWAL else amount)


decisions = st.builds(
    SubmitDecision,
    model=st.just("m"),
    symbol=st.just("BTC"),
    action=st.sampled_from(Action),
    reasoning=st.just("because"),
    client_decision_id=st.sampled_from([None, "x"]),
    order=st.one_of(st.none(), orders()),
)
on_orders = st.builds(
    OnOrder,
    st.integers(0, 9),
    st.sampled_from(["cancel", "match", "fire", "price", "size", "trigger"]),
    st.integers(-20, 20),
)
hours = st.integers(1, 3).map(lambda hour: NOW + timedelta(hours=hour))
fundings = st.builds(SettleFunding, symbols, hours, steps(5, "-0.04", "0.04"), st.sampled_from([d(3_000), d(67_000)]))
deadlines = st.builds(CancelAfter, st.sampled_from([None, NOW + timedelta(hours=5), NOW + timedelta(hours=15)]))
asked = often(
    (8, orders()),
    (8, moves()),
    (4, on_orders),
    (3, protections()),
    (1, cash_moves()),
    (1, decisions),
    (1, st.just(RecordEquity())),
    (1, fundings),
    (2, st.builds(Way, st.sampled_from([0, 2, 3, 3]))),
    (1, st.builds(ClosePosition, symbols)),
    (1, deadlines),
    (1, st.builds(CancelAllOrders, st.sampled_from([None, "BTC"]))),
)
stories = st.lists(asked, min_size=10, max_size=30)
Asked = Command | Price | OnOrder | Way


@dataclass
class Step:
    before: AccountState
    command: Command
    market: Market
    """The market as the command found it."""
    now: datetime
    policies: Policies
    decided: Accepted | Rejected
    left: Market
    """The market as the command left it."""


def copied(market: Market) -> Market:
    prints = {symbol: each.copy() for symbol, each in market.prints.items()}
    return Market(market.instruments, market.quotes, market.stale_after, dict(market.books), prints=prints)


def told(story: Sequence[Asked]) -> Iterator[Step]:
    """Decide a story on one account, command by command; resting orders are matched at each new price."""
    state = an_account("5000")
    market = a_market(Quote("BTC", d(67_000), NOW, expires=False), Quote("ETH", d(3_000), NOW, expires=False))
    now, policies = NOW, DEFAULTS
    for each in story:
        now += timedelta(hours=1)
        commands: list[Command] = []
        if isinstance(each, Price):
            market = moved(market, each, now)
            commands += [FireTrigger(ref) for ref, order in state.orders.items() if order.is_active]
            commands += [MatchOrder(order.ref) for order in state.open_orders()]
            commands.append(CancelAtDeadline())
        elif isinstance(each, Way):
            policies = Policies(latency=Latency(0, each.hours * 3_600_000))
        elif not isinstance(each, OnOrder):
            commands.append(each)
        elif state.orders:
            commands.append(asked_of(list(state.orders.values()), each))
        for command in commands:
            found = copied(market)
            decided = decide(state, command, market, now, policies)
            yield Step(state, command, found, now, policies, decided, market)
            state = decided.state


def moved(market: Market, price: Price, now: datetime) -> Market:
    """Return the market after it moved: what was taken from the symbol's book before is forgotten."""
    quote = Quote(price.symbol, price.mark, now, book=price.book, expires=False, trades=price.trades)
    kept = {symbol: book for symbol, book in market.books.items() if symbol != price.symbol}
    return Market(market.instruments, {**market.quotes, price.symbol: quote}, market.stale_after, kept)


def asked_of(orders: Sequence[Order], asked: OnOrder) -> Command:
    """Return what is asked of one of some orders, mostly one that is not finished; its figures move by hundredths."""
    active = [order for order in orders if order.is_active]
    among = sorted(active if active and asked.number % 4 else orders, key=lambda order: abs(order.ref))
    order = among[asked.number % len(among)]
    ref, factor = order.ref, 1 + d(asked.figure) / 100
    match asked.what:
        case "cancel":
            return CancelOrder(ref)
        case "match":
            return MatchOrder(ref)
        case "fire":
            return FireTrigger(ref)
        case "price":
            return AmendOrder(ref, price=d(round(order.price * factor)))
        case "size":
            return AmendOrder(ref, size=round(order.size * factor, 4))
    return AmendOrder(ref, trigger_price=d(round((order.trigger_price or order.price) * factor)))
