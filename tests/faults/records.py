"""What a place's database holds, read past the server."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.commands.processes import Place
from tests.faults.load import Key

EVENTS = (
    "SELECT s.account_id, s.channel, s.epoch, s.seq, e.seq, e.frame "
    "FROM realtime_stream s LEFT JOIN realtime_event e ON e.stream_id = s.id ORDER BY s.id, e.seq"
)
CASH = (
    "SELECT a.id, a.cash,"
    " COALESCE((SELECT SUM(l.amount) FROM accounts_ledgerentry l WHERE l.account_id = a.id), 0)"
    " + COALESCE((SELECT SUM(COALESCE(t.pnl, 0) - t.fee) FROM trading_trade t WHERE t.account_id = a.id), 0)"
    " FROM accounts_account a"
)
HELD = (
    "SELECT p.account_id, p.instrument_id, CASE p.side WHEN 'long' THEN p.size ELSE -p.size END,"
    " COALESCE((SELECT SUM(CASE t.side WHEN 'buy' THEN t.size ELSE -t.size END) FROM trading_trade t"
    " WHERE t.account_id = p.account_id AND t.instrument_id = p.instrument_id), 0)"
    " FROM trading_position p"
)
FILLED = (
    "SELECT o.id, o.filled_size, COALESCE((SELECT SUM(t.size) FROM trading_trade t WHERE t.order_id = o.id), 0)"
    " FROM trading_order o"
)


def rows(place: Place, query: str) -> list[tuple[Any, ...]]:
    with _connected(place) as connection:
        return list(connection.execute(query).fetchall())


@contextmanager
def _connected(place: Place) -> Iterator[Any]:
    url = place.environment.get("DATABASE_URL")
    connection = psycopg.connect(url) if url else sqlite3.connect(place.folder / "hyperoru.sqlite3", timeout=20)
    try:
        yield connection
    finally:
        connection.close()


def log(place: Place) -> dict[Key, list[str]]:
    """Return the event log: the frames of every stream, which must be numbered without holes up to its head."""
    found: dict[Key, list[str]] = {}
    heads: dict[Key, int] = {}
    for account_id, channel, epoch, head, seq, frame in rows(place, EVENTS):
        frames = found.setdefault((account_id, channel), [])
        heads[account_id, channel] = head
        if seq is not None:
            frames.append(frame)
            assert seq == len(frames), (account_id, channel, seq)
            assert f'"seq":{seq},"epoch":"{epoch}"' in frame
    assert {key: len(frames) for key, frames in found.items()} == heads
    return found


def orders(place: Place) -> Counter[str]:
    """Return how often each client order id is there."""
    return Counter(row[0] for row in rows(place, "SELECT client_order_id FROM trading_order"))


def assert_books_balance(place: Place) -> None:
    """Hold every account's cash, positions and orders to its trades and its ledger."""
    for account_id, cash, entered in rows(place, CASH):
        assert cash == entered, account_id
    for account_id, symbol, held, traded in rows(place, HELD):
        assert held == traded, (account_id, symbol)
    for order_id, filled, traded in rows(place, FILLED):
        assert filled == traded, order_id
