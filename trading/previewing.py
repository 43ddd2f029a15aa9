"""What an order would do if it were placed now: read as of one moment, decided by the rules, and thrown away."""

from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from trading import storage
from trading.authority import Actor, Authority
from trading.desk import policies
from trading.domain import previewing
from trading.domain.commands import PlaceOrder
from trading.domain.errors import NotFound
from trading.domain.previewing import Preview
from trading.market.board import Board, board
from trading.prices import market_now
from trading.reading import read_snapshot
from trading.selectors import instruments_of

__all__ = ["Preview", "preview"]


def preview(
    account_id: int, command: PlaceOrder, actor: Actor, now: datetime | None = None, board: Board = board
) -> Preview:
    """Preview an order of an actor who may place it. Raises the `Rejection` that placing it would meet.

    Writes, locks and takes nothing, of the account's rate neither. A client id names no order here.
    """
    now = timezone.now() if now is None else now
    command = replace(command, client_order_id=None)
    with read_snapshot():
        loaded = storage.load([(account_id, command)], now, lock=False)
        refusal = Authority([(actor, account_id)], loaded.owners, now).refusal(actor, account_id)
        market = market_now(board, now)
        state = loaded.states.get(account_id)
        instruments = {} if state is None else instruments_of(state.positions, market)
    if refusal is not None:
        raise refusal
    if state is None:
        raise NotFound(f"There is no account {account_id}.")
    return previewing.preview(state, command, market, now, policies(), instruments)
