"""What the tests of the desk look at."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Model
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext

from accounts.models import Account, LedgerEntry
from realtime.models import Event
from trading.domain.enums import LedgerKind
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade

WRITTEN: list[type[Model]] = [Order, Trade, Position, EquityPoint, ModelDecision, LedgerEntry, Event]
DEPOSIT = LedgerKind.DEPOSIT


def everything() -> dict[str, list[Any]]:
    """Return all that the desk can write, as it is on disk."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in [Account, *WRITTEN]}


def queries(action: Callable[[], Any]) -> int:
    """Count the statements of an action."""
    with CaptureQueriesContext(connection) as captured:
        action()
    return len(captured)


@contextmanager
def on_save(sender: type[Model], receiver: Callable[[Any], None]) -> Iterator[None]:
    """Call `receiver` with each row of a model that is saved."""

    def receive(instance: Any, **kwargs: Any) -> None:
        receiver(instance)

    post_save.connect(receive, sender=sender)
    try:
        yield
    finally:
        post_save.disconnect(receive, sender=sender)
