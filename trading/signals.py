"""What trading tells those who listen. Receivers run in the sender's thread.

`post_save` of each row comes besides: the desk sends it for all that it writes, one for each fact, inside the
transaction and between `batch_opened` and `batch_closed`, so that receivers can gather what belongs together.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.dispatch import Signal

batch_opened = Signal()
batch_closed = Signal()
"""Sent with `failed`: True where the transaction is about to be rolled back."""


@contextmanager
def batch() -> Iterator[None]:
    """Tell receivers that the rows saved in here belong to one transaction."""
    batch_opened.send(sender=None)
    try:
        yield
    except BaseException:
        batch_closed.send(sender=None, failed=True)
        raise
    batch_closed.send(sender=None, failed=False)
