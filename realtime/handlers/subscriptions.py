"""Subscribing to channels, and leaving them."""

from datetime import datetime

from django.utils import timezone

from realtime.connection import Connection
from realtime.frames import Burst, Frame
from realtime.handlers.answer import Answer
from realtime.handlers.holdings import may_see
from realtime.handlers.replay import count, replay
from realtime.handlers.seeing import Viewer, check_session, seen_account
from realtime.orm import in_orm
from realtime.protocol import messages
from realtime.protocol.channels import CHANNELS, DURABLE, PRICES
from realtime.protocol.messages import StreamHead
from realtime.refresh import price_frame
from realtime.session import Subscription
from trading.market.board import board
from trading.prices import glance
from trading.reading import read_snapshot


async def subscribe(connection: Connection, data: messages.Subscribe) -> Answer:
    """Subscribe to channels of the active account, or of the account named; replay what a `resume` missed."""
    session = connection.session
    await in_orm(_check, Viewer.of(session), data.account_id or session.account_id, timezone.now())
    wanted = [channel for channel in CHANNELS if channel in data.channels]
    rejected = {channel: "unknown_channel" for channel in data.channels if channel not in CHANNELS}
    subject = data.account_id or session.account_id
    added = {Subscription(channel, data.account_id) for channel in wanted}
    await connection.prepare(added, session.account_id)

    durable = [] if subject is None else [(channel, (subject, channel)) for channel in wanted if channel in DURABLE]
    asked = data.resume or {}
    since = {key: StreamHead(asked[channel].epoch, asked[channel].seq) for channel, key in durable if channel in asked}
    missed = await replay(connection.hub, since)
    session.add(wanted, data.account_id)
    connection.follow()

    heads: dict[str, StreamHead] = {}
    bursts: list[Burst] = []
    for channel, key in durable:
        head = connection.hub.head(key)
        if key in missed:
            found = missed[key]
            bursts += found or ()
            head = StreamHead(head.epoch, head.seq, found is not None, None if found is None else count(found))
        heads[channel] = head
    # As they are now that the connection follows them: what was told while it waited is not told again.
    if PRICES in wanted and (quotes := board.quotes):
        bursts.append(Burst([Frame(price_frame(quote)) for quote in quotes.values()]))
    reply = messages.Subscribed(
        channels=session.channels(data.account_id), streams=heads, rejected=rejected, account_id=data.account_id
    )
    return Answer(reply, then=bursts)


async def unsubscribe(connection: Connection, data: messages.Unsubscribe) -> Answer:
    """Leave channels of the active account, or of the account named; none named: all of them."""
    session = connection.session
    session.remove(data.channels, data.account_id)
    connection.follow()
    return Answer(messages.Unsubscribed(channels=session.channels(data.account_id), account_id=data.account_id))


def _check(viewer: Viewer, account_id: int | None, now: datetime) -> None:
    """Refuse what the viewer may not follow; see to it that the board has the last prices."""
    if account_id is None or not may_see(viewer, account_id, now):
        with read_snapshot():  # which tells why not
            check_session(viewer, now)
            if account_id is not None:
                seen_account(viewer, account_id)
    glance.market(now)
