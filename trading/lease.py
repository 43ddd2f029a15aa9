"""The engine's lease: of all processes that run an engine, one leads."""

import os
import socket
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from trading.domain.errors import Rejection
from trading.models import EngineLease
from trading.rows import Select

ENGINE = "engine"
_fence = Select(EngineLease, "fence", where="name = %s", lock=True)


class LeaseLost(Rejection):
    """Another engine leads by now: what this one still wanted was not done."""

    code = "unavailable"


class Lease:
    """A named lease in the database, taken for a while and renewed.

    `fence` is the number of the leadership, one higher with each new leader. Requests of the engine carry the lease:
    the desk asks it inside the transaction, so that a leader that was cut off and does not know it writes nothing.
    """

    def __init__(self, duration: timedelta, name: str = ENGINE) -> None:
        self.name = name
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.duration = duration
        self.fence: int | None = None
        self._seen: tuple[int, datetime] | None = None
        self._seen_at: datetime | None = None
        """When the leader was last seen to renew: its fence and its lease's end changed then."""

    def hold(self, now: datetime) -> bool:
        """Take the lease or renew it; tell whether this process leads. `now` is UTC."""
        with transaction.atomic():
            EngineLease.objects.get_or_create(name=self.name, defaults={"holder": "", "expires_at": now})
            row = EngineLease.objects.select_for_update().get(pk=self.name)
            if row.holder != self.holder:
                if row.expires_at > now and not self._is_abandoned(row, now):
                    self.fence = None
                    return False
                row.holder = self.holder
                row.fence += 1
            row.expires_at = now + self.duration
            row.save()
        self.fence = row.fence
        return True

    def _is_abandoned(self, row: EngineLease, now: datetime) -> bool:
        """Tell whether nobody renewed it for as long as it lasts: its leader's clock was ahead, or was set back."""
        if self._seen_at is None or self._seen != (row.fence, row.expires_at):
            self._seen, self._seen_at = (row.fence, row.expires_at), now
        return now - self._seen_at >= self.duration

    def release(self, now: datetime) -> None:
        """Give the lease back, so that another may lead at once."""
        if self.fence is not None:
            EngineLease.objects.filter(pk=self.name, holder=self.holder).update(expires_at=now)
            self.fence = None

    def refusals(self, account_ids: Collection[int]) -> Mapping[int, Rejection]:
        """Return whose requests may not be carried out any more: all or none."""
        refusal = self.refusal()
        return {} if refusal is None else dict.fromkeys(account_ids, refusal)

    def refusal(self) -> Rejection | None:
        """Return why a request of this engine may not be carried out any more, asked inside its transaction."""
        if self.fence is not None and _fence(self.name) == [(self.fence,)]:
            return None
        return LeaseLost("Another engine leads by now.")
