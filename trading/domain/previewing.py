"""What an order would do if it were placed now, and how large it could be. Nothing of it is done.

The decider itself decides it, on copies of the market, so that what it takes from a book is missing to nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from itertools import count

from trading.domain import risk
from trading.domain.book import Book, crosses
from trading.domain.commands import MatchOrder, PlaceOrder
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import AccountStatus, FillQuality, Liquidity, TimeInForce
from trading.domain.errors import InsufficientMargin, Rejection
from trading.domain.facts import TradeExecuted
from trading.domain.fees import fee
from trading.domain.instruments import Instrument
from trading.domain.margin import initial_margin
from trading.domain.market import Market
from trading.domain.money import CONTEXT, LARGEST_SIZE, ZERO, round_micro
from trading.domain.placing import leverage_of
from trading.domain.policies import Policies
from trading.domain.state import AccountState

GUESSES = 8
"""How many steps of a search may follow what refusals say, before it only bisects."""
Try = Callable[[Decimal | None], Accepted | Rejected]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an order would do, and the account after it. USDC; sizes in units of the symbol.

    `average_price`, `slippage_pct` (against the mark, in percent, positive where it costs) and `fill_quality` are of
    what would fill now, None where nothing would. `fee` and `notional` are of that and, at its price, of what would
    stay open. `resting_size` waits in the book, or for its trigger. `margin_required` is what the fills open, at their
    prices over the leverage, and what the orders hold more than before. `liquidation_price` is of the position after
    the fills.
    """

    notional: Decimal
    average_price: Decimal | None
    fee: Decimal
    margin_required: Decimal
    liquidation_price: Decimal | None
    withdrawable_after: Decimal
    filled_size: Decimal
    resting_size: Decimal
    slippage_pct: Decimal | None
    fill_quality: FillQuality | None


@dataclass(frozen=True, slots=True)
class Preview:
    """`fee_rate` is a fraction: of what fills at once, where anything would, else of what would wait.

    `max_size`: the greatest size that would be accepted, 0 where none would. `outcome` None: no size was given.
    """

    fee_rate: Decimal
    leverage: int
    max_size: Decimal
    mark_price: Decimal
    outcome: Outcome | None = None


def preview(
    state: AccountState,
    command: PlaceOrder,
    market: Market,
    now: datetime,
    policies: Policies,
    unlisted: Mapping[str, Instrument] | None = None,
) -> Preview:
    """Preview an order at `now` (UTC). Raises the `Rejection` that placing it would meet.

    One that lacks the size that it needs is refused only for what no size would mend. A client id names no order here.
    `unlisted`: instruments of positions that nobody lists any more; they count for where an account is liquidated.
    """
    command = replace(command, client_order_id=None)

    def attempt(size: Decimal | None) -> Accepted | Rejected:
        return decide(state, replace(command, size=size), market.copy(), now, policies)

    with localcontext(CONTEXT):
        outcome = None
        if command.size is not None or (command.reduce_only and command.order_type.is_trigger):
            decided = _accepted(attempt(command.size))
            known = replace(market, instruments={**(unlisted or {}), **market.instruments})
            outcome = _outcome(state, command, decided, known, now, policies)
        elif state.status is AccountStatus.FROZEN or not market.is_fresh(command.symbol, now):
            _accepted(attempt(Decimal(1)))
        quote, instrument = market.quote(command.symbol, now), market.instrument(command.symbol)
        rate = state.fee_rates.rate(_liquidity(command, market.book(quote)))
        most = _most(state, command, attempt, instrument, quote.mark, policies, is_accepted=outcome is not None)
        return Preview(rate, leverage_of(state, command, instrument), most, quote.mark, outcome)


def _accepted(decided: Accepted | Rejected) -> Accepted:
    if isinstance(decided, Rejected):
        raise decided.error
    return decided


def _outcome(
    state: AccountState, command: PlaceOrder, decided: Accepted, market: Market, now: datetime, policies: Policies
) -> Outcome:
    decided = _arrived(decided, market, now, policies)
    after, order = decided.state, decided.orders[0]
    trades = [fact for fact in decided.facts if isinstance(fact, TradeExecuted)]
    filled = sum((trade.price * trade.size for trade in trades), ZERO)
    rests = order.remaining if order.is_active else ZERO
    price = command.trigger_price or order.price if order.order_type.is_market else order.price
    waits_as = _liquidity(command) if order.order_type.is_trigger else Liquidity.MAKER
    average, mark = order.average_price, market.quotes[order.symbol].mark
    slippage = None
    if average is not None:
        slippage = round_micro(CONTEXT.divide((average - mark) * order.side.sign * 100, mark))
    leverage = after.position(order.symbol, order.leverage).leverage
    opened = initial_margin(sum(map(_opened, trades), ZERO), leverage)
    position, liquidation = after.positions.get(order.symbol), None
    if position is not None and position.is_open:
        pool = risk.pool_with(after, order.symbol, market)
        liquidation = pool.liquidation_price(position, mark, market.instrument(order.symbol))
    return Outcome(
        notional=filled + rests * price,
        average_price=average,
        fee=sum((trade.fee for trade in trades), ZERO) + fee(price, rests, state.fee_rates.rate(waits_as)),
        margin_required=opened + max(ZERO, after.order_margin() - state.order_margin()),
        liquidation_price=liquidation,
        withdrawable_after=risk.withdrawable(after, market, share=policies.withdrawable_share),
        filled_size=order.filled_size,
        resting_size=rests,
        slippage_pct=slippage,
        fill_quality=trades[0].fill_quality if trades else None,
    )


def _arrived(decided: Accepted, market: Market, now: datetime, policies: Policies) -> Accepted:
    """Let an order that takes its time to the exchange arrive there in the market as it is now."""
    order = decided.orders[0]
    if not order.is_open or order.active_at is None:
        return decided
    here = replace(order, active_at=now)
    arrived = decide(decided.state.with_order(here), MatchOrder(order.ref), market.copy(), now, policies)
    return replace(_accepted(arrived), orders=(arrived.state.orders[order.ref],))


def _opened(trade: TradeExecuted) -> Decimal:
    """Return the notional of the part of a fill that opened, USDC."""
    against = (trade.start_position < 0) == (trade.side.sign > 0)
    closed = min(trade.size, abs(trade.start_position)) if against else ZERO
    return (trade.size - closed) * trade.price


def _liquidity(command: PlaceOrder, book: Book | None = None) -> Liquidity:
    """Tell whether an order would take or make when it is live: of one that waits for its trigger, at that price."""
    if command.price is None or command.time_in_force is TimeInForce.IOC:
        return Liquidity.TAKER
    if command.time_in_force is TimeInForce.ALO:
        return Liquidity.MAKER
    best = command.trigger_price
    if best is None and book is not None and book.against(command.side):
        best = book.against(command.side)[0].price
    takes = best is not None and crosses(best, command.price, command.side)
    return Liquidity.TAKER if takes else Liquidity.MAKER


# The greatest size


def _most(
    state: AccountState,
    command: PlaceOrder,
    attempt: Try,
    instrument: Instrument,
    mark: Decimal,
    policies: Policies,
    *,
    is_accepted: bool,
) -> Decimal:
    """Return the greatest size that is accepted while one lot more is not; raise where no size would mend a refusal.

    A reduce-only order may be larger than what it reduces, but is cut to that. `is_accepted`: the order as it came is.
    """
    lot = Decimal(1).scaleb(-instrument.size_decimals)
    position, held = state.positions.get(command.symbol), ZERO
    if position is not None and position.is_open and position.side.closing_side is command.side:
        held = _on_lot(position.size, lot, ROUND_FLOOR)
    price = command.price or command.trigger_price or mark
    if command.reduce_only:
        least, most = lot, held
    else:
        least = max(lot, _on_lot(CONTEXT.divide(instrument.min_notional, price), lot, ROUND_CEILING))
        greatest = policies.most_notional(instrument.max_leverage, command.order_type)
        most = _on_lot(CONTEXT.divide(greatest, price), lot, ROUND_FLOOR)
    least, most = min(least, LARGEST_SIZE - lot), min(most, LARGEST_SIZE - lot)
    greatest_of_all = attempt(most) if most >= least else None
    if isinstance(greatest_of_all, Accepted):
        return most
    known = [command.size] if is_accepted and command.size is not None else []
    if not known:
        smallest = attempt(least)
        if isinstance(smallest, Accepted):
            known.append(least)
        elif not (is_accepted or _is_of_size(smallest.error)):
            raise smallest.error
    # A close may be accepted where less of it is not, as when the leverage is lowered on the way.
    if least < held < most and held not in known and isinstance(attempt(held), Accepted):
        known.append(held)
    low = max((size for size in known if size <= most), default=None)
    if low is None or greatest_of_all is None:
        return ZERO
    return _between(attempt, low, most, lot, greatest_of_all.error)


def _is_of_size(error: Rejection) -> bool:
    """Tell whether another size might be accepted."""
    return any(field.path == "size" for field in error.fields)


def _on_lot(size: Decimal, lot: Decimal, rounding: str) -> Decimal:
    return size.quantize(lot, rounding, CONTEXT)


def _between(attempt: Try, accepted: Decimal, refused: Decimal, lot: Decimal, error: Rejection) -> Decimal:
    """Return a size from `accepted` on that is accepted while one lot more is not.

    What a refusal says is lacking grows nearly as a line with the size: a few steps along it mostly find the bound,
    and whatever the rules say, bisecting ends it.
    """
    low, high = int(accepted / lot), int(refused / lot)
    lacking = [(high, error)] if isinstance(error, InsufficientMargin) else []
    is_next_to_low = False
    for step in count():
        if high - low <= 1:
            break
        middle = (low + high) // 2
        at = middle
        if step < GUESSES:
            at = low + 1 if is_next_to_low else _guess(lacking, middle)
        at = at if low < at < high else middle
        decided = attempt(at * lot)
        if isinstance(decided, Accepted):
            is_next_to_low, low = at > low + 1, at
            continue
        is_next_to_low, high = False, at
        if isinstance(decided.error, InsufficientMargin):
            lacking = [*lacking[-1:], (at, decided.error)]
    return low * lot


def _guess(lacking: Sequence[tuple[int, InsufficientMargin]], otherwise: int) -> int:
    """Return how many lots would just have their margin, by the last one or two that lacked some."""
    if not lacking:
        return otherwise
    lots, error = lacking[-1]
    if len(lacking) == 1:
        return int(lots * error.available / error.needed) if error.needed else otherwise
    (more, before), gap = lacking[0], error.needed - error.available
    steeper = before.needed - before.available - gap
    return int(lots - gap * (more - lots) / steeper) if steeper else otherwise
