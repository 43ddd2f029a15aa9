"""Messages that read what was: fills, orders, decisions, the ledger; and what is traded, and by whom.

Lists come newest first, a page at a time: `next_cursor` of one page is the `cursor` of the next.
"""

from typing import Annotated, Literal

import msgspec

from realtime.protocol.messages import (
    Id,
    ModelChatUpdate,
    OrderData,
    Reply,
    Request,
    Timestamp,
    TradeUpdate,
)
from realtime.protocol.numbers import Number

Cursor = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,18}\Z")]
Limit = Annotated[int, msgspec.Meta(ge=1, le=200)]
# The database is asked for these as they are, and PostgreSQL fails at a NUL.
OneSymbol = Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=r"^[^\x00]*\Z")]
PartOfName = Annotated[str, msgspec.Meta(max_length=150, pattern=r"^[^\x00]*\Z")]
Status = Literal["pending_trigger", "open", "partially_filled", "filled", "canceled"]
PAGE = 50


class ListRequest(Request, frozen=True):
    """Whose rows, and which page of them."""

    account_id: Id | None = None
    cursor: Cursor | None = None
    limit: Limit = PAGE


class GetTrades(ListRequest, frozen=True):
    """Fills of an account, or of all that one may see."""

    all_accounts: bool = False
    symbol: OneSymbol | None = None


class GetOrders(ListRequest, frozen=True):
    """Orders, whatever became of them."""

    all_accounts: bool = False
    symbol: OneSymbol | None = None
    status: Annotated[list[Status], msgspec.Meta(min_length=1, max_length=5)] | None = None


class GetDecisions(ListRequest, frozen=True):
    """What models decided."""

    all_accounts: bool = False
    symbol: OneSymbol | None = None
    decision: Literal["buy", "sell", "hold", "close"] | None = None


class GetLedger(ListRequest, frozen=True):
    """Cash that moved other than by a fill."""

    kind: Literal["deposit", "withdrawal", "adjustment", "funding", "backstop", "bad_debt"] | None = None


class GetFunding(ListRequest, frozen=True):
    """Funding that was paid and received."""

    symbol: OneSymbol | None = None


class GetInstruments(Request, frozen=True):
    """All that is traded."""


class GetUsers(Request, frozen=True):
    """Users that one may act as, whose names contain `search`."""

    search: PartOfName = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=50)] = 20


class Trades(Reply, frozen=True):
    """Fills, newest first."""

    trades: list[TradeUpdate]
    next_cursor: str | None


class Orders(Reply, frozen=True):
    """Orders, newest first."""

    orders: list[OrderData]
    next_cursor: str | None


class Decisions(Reply, frozen=True):
    """Decisions, newest first."""

    decisions: list[ModelChatUpdate]
    next_cursor: str | None


class LedgerEntryData(Reply, frozen=True):
    """Cash that moved other than by a fill."""

    entry_id: int
    kind: str
    amount: Number
    balance_after: Number
    note: str
    symbol: str | None
    timestamp: Timestamp


class Ledger(Reply, frozen=True):
    """Entries of the ledger, newest first."""

    entries: list[LedgerEntryData]
    next_cursor: str | None


class FundingPayment(Reply, frozen=True):
    """An hour's funding on a position. `amount` is positive where it was received."""

    symbol: str
    side: str | None
    size: Number | None
    rate: Number | None
    price: Number | None
    amount: Number
    timestamp: Timestamp


class Funding(Reply, frozen=True):
    """Payments of funding, newest first."""

    payments: list[FundingPayment]
    next_cursor: str | None


class InstrumentData(Reply, frozen=True):
    """What is traded, by which rules, and where it stands. Rates are fractions: of the notional, and of an hour."""

    symbol: str
    size_decimals: int
    price_decimals: int
    significant_figures: int
    min_notional: Number
    max_leverage: int
    default_leverage: int
    taker_fee_rate: Number
    maker_fee_rate: Number
    mark_price: Number | None
    change_24h_pct: Number | None
    funding_rate: Number | None
    timestamp: Timestamp | None
    stale: bool


class Instruments(Reply, frozen=True):
    """All that is traded, by symbol."""

    instruments: list[InstrumentData]


class UserChoice(Reply, frozen=True):
    """A user, and how many accounts are theirs."""

    id: int
    username: str
    accounts: int


class Users(Reply, frozen=True):
    """Users, by name."""

    users: list[UserChoice]
