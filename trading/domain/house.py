"""The house: the account of the exchange itself, which takes over what the market could not close.

Positions go over at the mark, as a fill on either side without a fee; what is left of their margin, or what is
lacking, as an entry in either ledger. So nothing is made or lost between the account and the house: their cash and
unrealised PnL together, and each position, are before and after the same.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from trading.domain.commands import TakeOver
from trading.domain.enums import FillQuality, LedgerKind, Liquidity, OrderType, PositionSide, Side, TimeInForce
from trading.domain.errors import OrderRejected
from trading.domain.journal import Journal
from trading.domain.market import Market
from trading.domain.money import CONTEXT, MICRO, ZERO, decimals
from trading.domain.orders import Order
from trading.domain.positions import Position
from trading.domain.risk import Pool, pool_of

BACKSTOP = "backstop"
"""The reason of the orders by which positions go over to the house."""


def give_over(journal: Journal, pool: Pool) -> list[TakeOver]:
    """Give all of a pool to the house: its positions at their marks and what is left of its margin, or its debt.

    Positions of symbols that nobody lists any more stay while the pool is worth something: who can say what they will
    be worth? Once all is lost they go too, at their last mark: what the house makes up the account must not win back.
    """
    market = journal.market
    lost = pool.value < 0
    going = tuple(p for p in pool.positions if p.symbol in market.instruments or (lost and _can_go(p, market)))
    kept = [position for position in pool.positions if position not in going]
    beside = pool_of(journal.state, None, market).value if pool.symbol is not None else ZERO
    prices = tuple(_price(p, market) for p in going)
    for position, price in zip(going, prices, strict=True):
        _transfer(journal, position, position.side.closing_side, price)
    left = pool_of(journal.state, None, market).value - beside
    if kept and left > 0:
        left = ZERO  # it stands for what stays
    return [_settle(journal, left, going, prices)] if going or left else []


def make_up(journal: Journal, lost: Decimal) -> list[TakeOver]:
    """Let the house make up what was lost beyond the margin, USDC; not above 0: nothing was."""
    return [_settle(journal, -lost, (), ())] if lost > 0 else []


def _settle(journal: Journal, cash: Decimal, positions: tuple[Position, ...], prices: tuple[Decimal, ...]) -> TakeOver:
    is_debt = cash < 0
    if cash:
        told = "made up by the house" if is_debt else "taken over by the house"
        journal.move_cash(LedgerKind.BAD_DEBT if is_debt else LedgerKind.BACKSTOP, -cash, told)
    return TakeOver(journal.state.id, positions, prices, cash, is_debt)


def take_over(journal: Journal, command: TakeOver) -> None:
    """Take positions, at the prices that they were given for, and cash or a debt into the house's account."""
    if not journal.state.is_house:
        raise OrderRejected("Only the house takes positions over.", reason="not_the_house")
    for position, price in zip(command.positions, command.marks, strict=True):
        opening = Side.BUY if position.side is PositionSide.LONG else Side.SELL
        _transfer(journal, position, opening, price)
    if command.cash:
        told = f"{'bad debt' if command.is_bad_debt else 'margin'} of account {command.from_account}"
        journal.move_cash(LedgerKind.BAD_DEBT if command.is_bad_debt else LedgerKind.BACKSTOP, command.cash, told)


def _transfer(journal: Journal, position: Position, side: Side, price: Decimal) -> None:
    """Book one side of a position's going over: an order filled at the price, and its fill."""
    order = Order(
        ref=journal.new_ref(),
        symbol=position.symbol,
        side=side,
        order_type=OrderType.MARKET,
        size=position.size,
        price=price,
        leverage=position.leverage,
        created_at=journal.now,
        updated_at=journal.now,
        time_in_force=TimeInForce.IOC,
        reason=BACKSTOP,
    )
    journal.put_order(order.filled(position.size, price, journal.now), created=True)
    journal.fill(order, position.size, price, Liquidity.TAKER, FillQuality.BACKSTOP, liquidation=True)


def _can_go(position: Position, market: Market) -> bool:
    """Tell whether an unlisted position has a mark at which its notional is exact."""
    quote = market.quotes.get(position.symbol)
    return quote is not None and decimals(position.value(quote.mark)) <= decimals(MICRO)


def _price(position: Position, market: Market) -> Decimal:
    """Return the mark with no more decimals than a price has, so that the notional is exact."""
    mark = market.mark(position.symbol, position.entry_price)
    if position.symbol not in market.instruments:
        return mark
    instrument = market.instrument(position.symbol)
    return mark.quantize(Decimal(1).scaleb(-instrument.price_decimals), ROUND_HALF_EVEN, CONTEXT)
