from datetime import datetime
from typing import Any

from accounts.models import AuditEntry, User

SYSTEM = "system"


def record_audit(
    *, actor: User | None, action: str, target: str, detail: dict[str, Any] | None = None, now: datetime
) -> AuditEntry:
    """Write one entry of the audit trail, in the transaction of the caller.

    `action` is a verb in snake_case (`switch_user`), `target` names what it was done to (`account:7`), `detail` is
    anything that JSON can hold. Without an `actor` the entry is the system's own.
    """
    return AuditEntry.objects.create(
        at=now,
        actor=actor,
        actor_name=actor.get_username() if actor else SYSTEM,
        action=action,
        target=target,
        detail=detail or {},
    )
