"""Reading state: each reply is one moment of the database, with the streams' places at that moment."""

from datetime import datetime

from django.utils import timezone

from realtime import wire
from realtime.connection import Connection
from realtime.handlers.answer import Answer
from realtime.handlers.holdings import holdings_cache
from realtime.handlers.seeing import Viewer, check_session, not_found, seen_account, seen_accounts
from realtime.orm import in_orm, in_turn
from realtime.protocol import messages
from realtime.protocol.errors import ProtocolError
from realtime.protocol.numbers import number, optional
from trading import selectors
from trading.domain.money import round_micro
from trading.leaderboard import leaderboard
from trading.prices import glance
from trading.reading import read_snapshot


async def bootstrap(connection: Connection, data: messages.Empty) -> Answer:
    """Return the accounts that the session sees, and what the active one holds."""
    session = connection.session
    return Answer(await in_orm(_bootstrap, Viewer.of(session), session.account_id, timezone.now()))


async def get_snapshot(connection: Connection, data: messages.GetSnapshot) -> Answer:
    """Return what an account is worth and holds now."""
    session = connection.session
    account_id = data.account_id or session.account_id
    return Answer(await in_orm(_snapshot, Viewer.of(session), account_id, timezone.now()))


async def get_asset_curve(connection: Connection, data: messages.GetAssetCurve) -> Answer:
    """Return an account's equity over a timeframe."""
    session = connection.session
    account_id = data.account_id or session.account_id
    return Answer(await in_orm(_asset_curve, Viewer.of(session), account_id, data.timeframe, timezone.now()))


async def get_leaderboard(connection: Connection, data: messages.GetLeaderboard) -> Answer:
    """Return how the accounts that the user may see did over a timeframe."""
    return Answer(await in_turn(_leaderboard, Viewer.of(connection.session), data.timeframe, timezone.now()))


def _bootstrap(viewer: Viewer, account_id: int | None, now: datetime) -> messages.Bootstrap:
    market = glance.market(now)
    with read_snapshot():
        if account_id is None:
            check_session(viewer, now)
            return messages.Bootstrap(seen_accounts(viewer), [], [], None, {})
        try:
            kept = holdings_cache.get(viewer, account_id, now)
        except ProtocolError as error:
            if error.code != "not_found":
                raise
            return messages.Bootstrap(seen_accounts(viewer), [], [], None, {})
        view = selectors.account_snapshot(kept.account, market, now, kept.held)
        return messages.Bootstrap(
            accounts=seen_accounts(viewer),
            positions=[wire.position_view(account_id, each) for each in view.positions],
            active_orders=kept.orders,
            account_id=account_id,
            as_of=kept.as_of,
        )


def _snapshot(viewer: Viewer, account_id: int | None, now: datetime) -> messages.Snapshot:
    market = glance.market(now)
    if account_id is None:
        check_session(viewer, now)
        raise not_found(None)
    kept = holdings_cache.get(viewer, account_id, now)
    view = selectors.account_snapshot(kept.account, market, now, kept.held)
    return wire.snapshot(view, kept.orders, kept.as_of)


def _asset_curve(viewer: Viewer, account_id: int | None, timeframe: str, now: datetime) -> messages.AssetCurve:
    market = glance.market(now)
    with read_snapshot():
        check_session(viewer, now)
        if account_id is None:
            raise not_found(None)
        points = selectors.asset_curve(seen_account(viewer, account_id), timeframe, market, now)
    return messages.AssetCurve(
        account_id=account_id,
        timeframe=timeframe,
        points=[
            messages.CurvePoint(
                timestamp=wire.utc(point.at),
                equity=number(round_micro(point.equity)),
                daily_pnl=number(round_micro(point.daily_pnl)),
                daily_return_pct=optional(point.daily_return_pct),
            )
            for point in points
        ],
    )


def _leaderboard(viewer: Viewer, timeframe: str, now: datetime) -> messages.Leaderboard:
    market = glance.market(now)
    with read_snapshot():
        check_session(viewer, now)
        standings = leaderboard(viewer.user_id, timeframe, market, now)
    return messages.Leaderboard(timeframe, [wire.standing(each) for each in standings], wire.utc(now))
