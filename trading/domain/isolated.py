"""Isolated positions: the part of the account's cash that stands for one position alone.

An isolated position's margin is cash set aside: ``isolated_margin`` of it, together with the unrealised PnL, is what
the position is worth (its equity), and all that it can lose. Opening moves ``notional / leverage`` into it and the
opening fee comes out of it; reducing returns its equity in proportion, at the price of the fill, to the rest of the
account; a flip closes and then opens. Source: Hyperliquid documentation, "Margining", and its SDK's examples.
"""

from decimal import Decimal

from trading.domain.enums import MarginMode, Side
from trading.domain.errors import FieldProblem, OrderRejected
from trading.domain.margin import initial_margin
from trading.domain.money import CONTEXT, ZERO, round_micro, truncate
from trading.domain.positions import FillResult, Position, apply_fill
from trading.domain.values import replace


def book_fill(
    position: Position, side: Side, size: Decimal, price: Decimal, fee: Decimal, *, keep_margin: bool = False
) -> FillResult:
    """Apply one fill as `apply_fill` does, and move the margin of an isolated position. `fee` in USDC.

    The fee is taken from the margin while the position is open after the fill, else from the rest of the account.
    A position that is only reduced returns nothing where it is worth nothing, and nothing with `keep_margin`: what a
    liquidation frees stays with the position that it is to save.
    """
    result = apply_fill(position, side, size, price)
    if not position.is_isolated:
        return result
    left = position.isolated_margin
    if result.closed_size == position.size:
        left = ZERO
    elif result.closed_size:
        equity = left + position.unrealized_pnl(price)
        returned = round_micro(CONTEXT.divide(equity * result.closed_size, position.size))
        left += (result.closed_pnl or ZERO) - (ZERO if keep_margin else max(ZERO, returned))
    if result.opened_size:
        left += truncate(initial_margin(price * result.opened_size, position.leverage))
    if result.position.is_open:
        left -= fee
    return replace(result, position=replace(result.position, isolated_margin=left))


def releveraged(position: Position, leverage: int, mark: Decimal) -> Position:
    """Return the position with another leverage; an isolated one's margin moves by the change of what it took to open.

    Raising the leverage never returns more than what the position is worth above its initial margin at the mark.
    """
    changed = replace(position, leverage=leverage)
    if not position.is_isolated or not position.is_open or leverage == position.leverage:
        return changed
    old, new = (truncate(initial_margin(position.entry_notional, each)) for each in (position.leverage, leverage))
    moved = new - old
    if moved < 0:
        worth = position.isolated_margin + position.unrealized_pnl(mark)
        spare = truncate(worth - initial_margin(position.value(mark), leverage))
        moved = max(moved, min(ZERO, -spare))
    return replace(changed, isolated_margin=position.isolated_margin + moved)


def with_mode(position: Position, mode: MarginMode | None) -> Position:
    """Return the position in a margin mode, None: its own. Refuse to change it while something is held."""
    if mode is None or mode is position.margin_mode:
        return position
    if position.is_open:
        raise OrderRejected(
            f"The {position.symbol} position is {position.margin_mode}; its margin mode can change only while there "
            f"is none. Close it first, or leave margin_mode out.",
            reason="margin_mode_rejected",
            fields=[FieldProblem("margin_mode", f"is {position.margin_mode} while the position is open")],
        )
    return replace(position, margin_mode=mode)
