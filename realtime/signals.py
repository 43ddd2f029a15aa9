"""Saved rows become events. Receivers only translate: they decide nothing."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import Account, SessionToken
from realtime import streams, wire
from realtime.announce import announce_control
from realtime.protocol import channels
from trading.market.board import board
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade
from trading.prices import stored
from trading.signals import batch_closed, batch_opened


@receiver(batch_opened)
def gather(now: datetime, **kwargs: Any) -> None:
    streams.open_batch(now)


@receiver(batch_closed)
def write_gathered(*, failed: bool, **kwargs: Any) -> None:
    streams.close_batch(failed=failed)


@receiver(post_save, sender=Trade)
def trade_saved(instance: Trade, raw: bool, **kwargs: Any) -> None:
    if not raw:
        streams.append(instance.account_id, channels.TRADES, wire.trade(instance))


@receiver(post_save, sender=Order)
def order_saved(instance: Order, raw: bool, **kwargs: Any) -> None:
    if not raw:
        streams.append(instance.account_id, channels.ORDERS, wire.order(instance))


@receiver(post_save, sender=Position)
def position_saved(instance: Position, raw: bool, **kwargs: Any) -> None:
    if raw:
        return
    mark = instance.mark
    if mark is None:
        if instance.instrument_id not in board.quotes:
            board.put(stored())
        quote = board.quotes.get(instance.instrument_id)
        mark = quote.mark if quote else instance.to_domain().entry_price
    streams.append(instance.account_id, channels.POSITIONS, wire.position(instance, mark, instance.updated_at))


@receiver(post_save, sender=ModelDecision)
def decision_saved(instance: ModelDecision, raw: bool, **kwargs: Any) -> None:
    if not raw:
        streams.append(instance.account_id, channels.MODEL_CHAT, wire.decision(instance))


@receiver(post_save, sender=EquityPoint)
def equity_saved(instance: EquityPoint, raw: bool, **kwargs: Any) -> None:
    if not raw:
        streams.append(instance.account_id, channels.ASSET_CURVE, wire.equity_point(instance))


@receiver(post_save, sender=Account)
def account_saved(instance: Account, created: bool, raw: bool, **kwargs: Any) -> None:
    if created and not raw:
        streams.create_streams([instance.pk])


@receiver(post_save, sender=SessionToken)
def token_saved(instance: SessionToken, created: bool, **kwargs: Any) -> None:
    """Cut the sockets of a token that is no longer valid, in every process."""
    if not created and not instance.is_valid(timezone.now()):
        transaction.on_commit(lambda: announce_control({"revoked": instance.pk}))
