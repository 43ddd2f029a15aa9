"""The accounts whose client has not said in time that it is alive."""

from datetime import datetime

from django.db import connection

from accounts.models import Account
from trading.desk import Request
from trading.domain.commands import CancelAtDeadline
from trading.rows import Select

_late = Select(Account, "id", where="cancel_after <= %s AND cancel_after IS NOT NULL ORDER BY cancel_after, id")


def overdue(now: datetime) -> list[Request]:
    """Return requests to cancel the orders of the accounts whose deadline has passed. One query, by index."""
    return [Request(pk, CancelAtDeadline()) for (pk,) in _late(connection.ops.adapt_datetimefield_value(now))]
