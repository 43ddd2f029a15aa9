"""Reading what was: fills, orders, decisions, the ledger; and what is traded, and by whom."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.utils import timezone

from accounts.selectors import may_act_as, users_named, visible_accounts
from realtime import wire
from realtime.connection import Connection
from realtime.handlers.answer import Answer
from realtime.handlers.seeing import Viewer, check_session, not_found, seen_account
from realtime.orm import in_orm
from realtime.protocol import history as asked
from realtime.protocol.errors import FieldError, ProtocolError
from realtime.protocol.numbers import number, optional
from trading import history
from trading.domain.fees import FeeRates
from trading.domain.instruments import PRICE_FIGURES
from trading.prices import glance
from trading.reading import read_snapshot
from trading.tradable import Listed, listed

Asked = TypeVar("Asked", bound=asked.ListRequest)
BASE_FEES = FeeRates()


async def get_trades(connection: Connection, data: asked.GetTrades) -> Answer:
    """Return fills, newest first."""
    return await _read(connection, data, _trades)


async def get_orders(connection: Connection, data: asked.GetOrders) -> Answer:
    """Return orders, newest first, whatever became of them."""
    return await _read(connection, data, _orders)


async def get_decisions(connection: Connection, data: asked.GetDecisions) -> Answer:
    """Return what models decided, newest first."""
    return await _read(connection, data, _decisions)


async def get_ledger(connection: Connection, data: asked.GetLedger) -> Answer:
    """Return how cash moved other than by fills, newest first."""
    return await _read(connection, data, _ledger)


async def get_funding(connection: Connection, data: asked.GetFunding) -> Answer:
    """Return the funding that was paid and received, newest first."""
    return await _read(connection, data, _funding)


async def get_instruments(connection: Connection, data: asked.GetInstruments) -> Answer:
    """Return all that is traded, and how it stands."""
    return Answer(await in_orm(_instruments, Viewer.of(connection.session), timezone.now()))


async def get_users(connection: Connection, data: asked.GetUsers) -> Answer:
    """Return the users that one may act as."""
    return Answer(await in_orm(_users, Viewer.of(connection.session), data, timezone.now()))


async def _read(
    connection: Connection, data: Asked, read: Callable[[list[int], Asked, int | None], asked.Reply]
) -> Answer:
    viewer = Viewer.of(connection.session)
    return Answer(await in_orm(_page, viewer, connection.session.account_id, data, read, timezone.now()))


def _page(
    viewer: Viewer,
    active: int | None,
    data: Asked,
    read: Callable[[list[int], Asked, int | None], asked.Reply],
    now: datetime,
) -> asked.Reply:
    every = getattr(data, "all_accounts", False)
    if every and data.account_id is not None:
        problem = FieldError("all_accounts", "does not go with account_id")
        raise ProtocolError("bad_request", "Name one account, or ask for all, not both.", fields=[problem])
    with read_snapshot():
        check_session(viewer, now)
        if every:
            ids = list(visible_accounts(viewer.user_id).values_list("pk", flat=True))
        else:
            account_id = data.account_id or active
            if account_id is None:
                raise not_found(None)
            ids = [seen_account(viewer, account_id).pk]
        return read(ids, data, None if data.cursor is None else int(data.cursor))


def _trades(ids: list[int], data: asked.GetTrades, before: int | None) -> asked.Trades:
    page = history.trades(ids, symbol=data.symbol, before=before, limit=data.limit)
    return asked.Trades([wire.trade(row) for row in page.rows], _cursor(page.next_cursor))


def _orders(ids: list[int], data: asked.GetOrders, before: int | None) -> asked.Orders:
    page = history.orders(ids, symbol=data.symbol, statuses=data.status, before=before, limit=data.limit)
    return asked.Orders([wire.order(row) for row in page.rows], _cursor(page.next_cursor))


def _decisions(ids: list[int], data: asked.GetDecisions, before: int | None) -> asked.Decisions:
    page = history.decisions(ids, symbol=data.symbol, decision=data.decision, before=before, limit=data.limit)
    return asked.Decisions([wire.decision(row) for row in page.rows], _cursor(page.next_cursor))


def _ledger(ids: list[int], data: asked.GetLedger, before: int | None) -> asked.Ledger:
    page = history.ledger(ids[0], kind=data.kind, before=before, limit=data.limit)
    return asked.Ledger([wire.ledger_entry(row) for row in page.rows], _cursor(page.next_cursor))


def _funding(ids: list[int], data: asked.GetFunding, before: int | None) -> asked.Funding:
    payments, cursor = history.funding(ids[0], symbol=data.symbol, before=before, limit=data.limit)
    return asked.Funding([wire.funding_payment(each) for each in payments], _cursor(cursor))


def _cursor(value: int | None) -> str | None:
    return None if value is None else str(value)


def _instruments(viewer: Viewer, now: datetime) -> asked.Instruments:
    market = glance.market(now)
    with read_snapshot():
        check_session(viewer, now)
        return asked.Instruments([_instrument(each) for each in listed(market, now)])


def _instrument(each: Listed) -> asked.InstrumentData:
    instrument, quote = each.instrument, each.quote
    return asked.InstrumentData(
        symbol=instrument.symbol,
        size_decimals=instrument.size_decimals,
        price_decimals=instrument.price_decimals,
        significant_figures=PRICE_FIGURES,
        min_notional=number(instrument.min_notional),
        max_leverage=instrument.max_leverage,
        default_leverage=instrument.default_leverage,
        taker_fee_rate=number(BASE_FEES.taker),
        maker_fee_rate=number(BASE_FEES.maker),
        mark_price=None if quote is None else number(quote.mark),
        change_24h_pct=optional(each.change_24h_pct),
        funding_rate=optional(each.funding_rate),
        timestamp=None if quote is None else wire.utc(quote.at),
        stale=each.is_stale,
    )


def _users(viewer: Viewer, data: asked.GetUsers, now: datetime) -> asked.Users:
    with read_snapshot():
        token = check_session(viewer, now)
        if not may_act_as(token.user):
            raise ProtocolError("forbidden", "You may not act as another user.")
        found = users_named(data.search, data.limit)
        return asked.Users([asked.UserChoice(user.pk, user.get_username(), count) for user, count in found])
