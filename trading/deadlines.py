"""The accounts whose client has not said in time that it is alive."""

from datetime import datetime

from accounts.models import Account
from trading.desk import Request
from trading.domain.commands import CancelAtDeadline


def overdue(now: datetime) -> list[Request]:
    """Return requests to cancel the orders of the accounts whose deadline has passed. One query, by index."""
    accounts = Account.objects.filter(cancel_after__lte=now).order_by("cancel_after", "pk")
    return [Request(pk, CancelAtDeadline()) for pk in accounts.values_list("pk", flat=True)]
