"""Liquidation: what happens to positions that no longer have their maintenance margin.

All cross positions stand together, each isolated one alone. What is worth less than its maintenance margin loses its
open orders and is closed in the market, as far as that takes; what is left of its margin stays with the account. What
is worth less than two thirds of it goes to the house, margin and all, at the mark; and where more was lost than there
was the house makes it up. Source of the rules: Hyperliquid documentation, "Liquidations".
"""

from decimal import ROUND_UP, Decimal

from trading.domain.book import walk
from trading.domain.commands import TakeOver
from trading.domain.enums import Liquidity, OrderType, TimeInForce
from trading.domain.facts import AccountChanged
from trading.domain.house import give_over, make_up
from trading.domain.instruments import Instrument, slippage_price
from trading.domain.journal import Journal
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.positions import Position
from trading.domain.risk import Pool, pool_of, pools
from trading.domain.values import replace

CANCELED = "liquidated_canceled"
"""Why the orders of what is liquidated were canceled."""
LIQUIDATION = "liquidation"
"""The reason of the orders that a liquidation sends to the market, where they fill whole."""
FOUND_NO_MORE = "liquidation_canceled"
"""Why the rest of such an order was canceled."""
WHOLE = Decimal(1)


def fraction_to_close(value: Decimal, policies: Policies, *, in_cooldown: bool) -> Decimal:
    """Return how much of a position goes to the market at once: of one worth more than 100,000 USDC first a fifth.

    `in_cooldown`: part of one of the account's positions was liquidated within the last 30 s.
    """
    if in_cooldown or value <= policies.liquidation_partial_above:
        return WHOLE
    return policies.liquidation_partial_share


def liquidate(journal: Journal, policies: Policies) -> tuple[TakeOver, ...]:
    """Liquidate what lacks its maintenance margin; return what the house has to take over.

    Does nothing where nothing lacks it, or where a price that counts is stale: nobody is liquidated on a guess.
    """
    given = []
    for symbol in [pool.symbol for pool in pools(journal.state, journal.market)]:
        pool = pool_of(journal.state, symbol, journal.market)
        if pool.is_liquidatable and _is_priced(journal, pool):
            given += _liquidate(journal, pool, policies)
    return tuple(given)


def _is_priced(journal: Journal, pool: Pool) -> bool:
    quotes = [journal.market.quotes.get(p.symbol) for p in pool.positions if p.symbol in journal.market.instruments]
    return all(quote is not None and not journal.market.is_stale(quote, journal.now) for quote in quotes)


def _liquidate(journal: Journal, pool: Pool, policies: Policies) -> list[TakeOver]:
    _cancel_orders(journal, pool.symbol)
    beside = pool_of(journal.state, None, journal.market).value
    if not pool.is_for_backstop:
        pool = _close_in_market(journal, pool, policies)
    if pool.symbol is not None and not journal.state.positions[pool.symbol].is_open:
        # The rest of the account bore what an isolated position lost beyond its margin: that is not its to bear.
        return make_up(journal, beside - pool_of(journal.state, None, journal.market).value)
    return give_over(journal, pool) if pool.is_for_backstop else []


def _cancel_orders(journal: Journal, symbol: str | None) -> None:
    """Cancel the orders of an isolated position's symbol, or with None all others."""
    alone = {pool.symbol for pool in pools(journal.state, journal.market)} - {None}
    for order in [order for order in journal.state.orders.values() if order.is_active]:
        if order.symbol == symbol or (symbol is None and order.symbol not in alone):
            journal.put_order(order.canceled(CANCELED, journal.now))


def _close_in_market(journal: Journal, pool: Pool, policies: Policies) -> Pool:
    """Close positions in the market, the largest first, until the rest has its maintenance margin; return the rest."""
    state, market, now = journal.state, journal.market, journal.now
    in_cooldown = state.liquidated_at is not None and now - state.liquidated_at < policies.liquidation_cooldown
    marks = state.marks(market)
    for position in sorted(pool.positions, key=lambda p: (-p.value(marks[p.symbol]), p.symbol)):
        if position.symbol not in market.instruments:
            continue
        share = fraction_to_close(position.value(marks[position.symbol]), policies, in_cooldown=in_cooldown)
        if _send(journal, position, share, policies) and share < WHOLE:
            journal.state = replace(journal.state, liquidated_at=now)
            journal.tell(AccountChanged())
        pool = pool_of(journal.state, pool.symbol, market)
        if not pool.is_liquidatable:
            break
    return pool


def _send(journal: Journal, position: Position, share: Decimal, policies: Policies) -> bool:
    """Send a market order for a share of a position; tell whether it filled. What finds nothing in the book waits."""
    market = journal.market
    instrument = market.instrument(position.symbol)
    side = position.side.closing_side
    quote = market.quote(position.symbol, journal.now)
    book = market.book(quote)
    limit = slippage_price(book.mid or quote.mark, policies.liquidation_slippage, side, instrument.size_decimals)
    size = min(position.size, _rounded_up(position.size * share, instrument))  # a lot may have been smaller once
    taken = walk(book, side, size, limit)
    if not taken:
        return False
    order = Order(
        ref=journal.new_ref(),
        symbol=position.symbol,
        side=side,
        order_type=OrderType.MARKET,
        size=size,
        price=limit,
        leverage=position.leverage,
        created_at=journal.now,
        updated_at=journal.now,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
        reason=LIQUIDATION,
    )
    final = order
    for level in taken:
        final = final.filled(level.size, level.price, journal.now)
    journal.put_order(final.canceled(FOUND_NO_MORE, journal.now) if final.is_open else final, created=True)
    for level in taken:
        journal.fill(order, level.size, level.price, Liquidity.TAKER, book.quality, liquidation=True)
    market.take(position.symbol, side, taken)
    return True


def _rounded_up(size: Decimal, instrument: Instrument) -> Decimal:
    return size.quantize(Decimal(1).scaleb(-instrument.size_decimals), ROUND_UP)
