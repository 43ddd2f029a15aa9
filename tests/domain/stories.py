"""Random stories of one account: what is asked of it while the market moves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from tests.domain.given import BTC, ETH, NOW, a_market, an_account, d
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


symbols = st.sampled_from(["BTC", "ETH"])
sides = st.sampled_from(Side)


def steps(places: int, low: str, high: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places, allow_nan=False)


@st.composite
def prices(draw: st.DrawFn, symbol: str) -> Decimal:
    """Draw a price within 10 % of the usual one, on the tick."""
    ticks = draw(st.integers(-100, 100))
    return d(GRID[symbol][2] + ticks * GRID[symbol][2] // 1_000)


@st.composite
def moves(draw: st.DrawFn) -> Price:
    symbol = draw(symbols)
    mark = draw(prices(symbol))
    traded = st.builds(Level, prices(symbol), steps(GRID[symbol][0], "0.001", "0.5"))
    trades = tuple(draw(st.lists(traded, max_size=2)))
    if draw(st.booleans()):
        return Price(symbol, mark, None, trades)
    sizes = st.lists(steps(GRID[symbol][0], "0.001", "2"), max_size=4)
    tick = d(1) if symbol == "BTC" else d("0.1")
    bids = tuple(Level(mark - tick * (i + 1), size) for i, size in enumerate(draw(sizes)))
    asks = tuple(Level(mark + tick * (i + 1), size) for i, size in enumerate(draw(sizes)))
    return Price(symbol, mark, Book(bids, asks), trades)


@st.composite
def orders(draw: st.DrawFn) -> PlaceOrder:
    symbol = draw(symbols)
    size_decimals = GRID[symbol][0]
    kind = draw(st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT, *OrderType]))
    is_limit = not kind.is_market
    odd = [d(text) for text in ("0", "-1", "0.0000001", "NaN", "Infinity", "1e11")]
    size = draw(steps(size_decimals, "0.01", "4" if symbol == "ETH" else "0.5"))
    price = draw(prices(symbol))
    if draw(st.integers(0, 15)) == 9:
        size, price = draw(st.sampled_from([*odd, size])), draw(st.sampled_from([d("0.001"), d("67000.55"), price]))
    reduce_only = draw(st.sampled_from([False, False, False, False, True]))
    follows = reduce_only and kind.is_trigger and draw(st.booleans())
    has_brackets = not reduce_only and draw(st.integers(0, 3)) == 3
    side = draw(sides)
    stop, profit = ("0.94", "1.06") if side is Side.BUY else ("1.06", "0.94")
    return PlaceOrder(
        symbol=symbol,
        side=side,
        size=None if follows else size,
        order_type=kind,
        trigger_price=draw(prices(symbol)) if kind.is_trigger else None,
        stop_loss=Bracket(_tick(symbol, stop)) if has_brackets else None,
        take_profit=Bracket(_tick(symbol, profit), draw(st.none() | prices(symbol))) if has_brackets else None,
        price=price if is_limit else None,
        time_in_force=draw(st.sampled_from([None, *TimeInForce])) if is_limit else None,
        reduce_only=reduce_only,
        leverage=draw(st.sampled_from([None, None, 1, 3, 10, 10, 20, 25, 25, 99])),
        margin_mode=draw(st.sampled_from([None, None, None, *MarginMode, MarginMode.ISOLATED])),
        client_order_id=draw(st.sampled_from([None, None, None, "a", "b", "c", "d"])),
    )


def _tick(symbol: str, share: str) -> Decimal:
    return d(round(GRID[symbol][2] * d(share)))


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
    st.integers(-9, 9),
)
hours = st.integers(1, 3).map(lambda hour: NOW + timedelta(hours=hour))
fundings = st.builds(SettleFunding, symbols, hours, steps(5, "-0.04", "0.04"), st.sampled_from([d(3_000), d(67_000)]))
deadlines = st.builds(CancelAfter, st.sampled_from([None, NOW + timedelta(hours=5), NOW + timedelta(hours=15)]))
asked = st.one_of(
    orders(),
    orders(),
    orders(),
    moves(),
    moves(),
    on_orders,
    on_orders,
    cash_moves(),
    decisions,
    st.just(RecordEquity()),
    fundings,
    st.builds(Way, st.integers(0, 3)),
    st.builds(ClosePosition, symbols),
    deadlines,
    st.builds(CancelAllOrders, st.sampled_from([None, "BTC"])),
)
stories = st.lists(asked, min_size=8, max_size=24)
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
    state = an_account("10000")
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
            ref = sorted(state.orders)[each.number % len(state.orders)]
            commands.append(asked_of(state.orders[ref], each))
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


def asked_of(order: Order, asked: OnOrder) -> Command:
    """Return what is asked of an order; its figures move by some hundredths."""
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
