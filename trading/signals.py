"""What trading tells those who listen. Receivers run in the sender's thread.

`post_save` of each row comes besides: the desk sends it for all that it writes, one for each fact, inside the
transaction and between `batch_opened` and `batch_closed`, so that receivers can gather what belongs together.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.dispatch import Signal

batch_opened = Signal()
"""Sent with `now` (UTC): the moment of the batch."""
batch_closed = Signal()
"""Sent with `failed`: True where the transaction is about to be rolled back."""
housekeeping = Signal()
"""Sent with `now` (UTC) by the leading engine at the end of each step, for what is to be done once in an installation.

The market waits meanwhile: receivers do little at a time. One that fails is logged.
"""


@contextmanager
def batch(now: datetime) -> Iterator[None]:
    """Tell receivers that the rows saved in here belong to one transaction, of the moment `now` (UTC)."""
    batch_opened.send(sender=None, now=now)
    try:
        yield
    except BaseException:
        batch_closed.send(sender=None, failed=True)
        raise
    batch_closed.send(sender=None, failed=False)
