from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import Account, AccountAccess, Kind, LedgerEntry, Role, Status, User

OPENING = "opening deposit"


@transaction.atomic
def open_account(
    *,
    owner: User,
    name: str,
    starting_capital: Decimal,
    now: datetime,
    model: str = "",
    model_settings: dict[str, Any] | None = None,
    status: str = Status.ACTIVE,
) -> Account:
    """Open a trading account and enter its first deposit in the ledger.

    `starting_capital` is in USDC, 0 or more, at most 6 decimals; with 0 there is no deposit. The account's first day
    opens with nothing and counts the capital as deposited, so that it is no profit of that day. `now` is aware, UTC.

    Raises `ValidationError` for a bad value, or a name that the owner has already given to another account.
    """
    account = Account(
        owner=owner,
        name=name,
        status=status,
        starting_capital=starting_capital,
        cash=starting_capital,
        model=model,
        model_settings=model_settings or {},
        day=now.date(),
        day_open_equity=Decimal(0),
        day_net_deposits=starting_capital,
        last_equity=starting_capital,
        created_at=now,
    )
    account.full_clean()
    account.save(force_insert=True)
    if starting_capital:
        LedgerEntry.objects.create(
            account=account,
            kind=Kind.DEPOSIT,
            amount=starting_capital,
            balance=starting_capital,
            reason=OPENING,
            created_at=now,
        )
    return account


def grant_access(*, account: Account, user: User, role: str) -> AccountAccess:
    """Let `user` see (`viewer`) or trade (`trader`) the account; a role given before is replaced.

    Raises `ValidationError` for an unknown role.
    """
    if role not in Role.values:
        raise ValidationError({"role": f"{role!r} is not a role; it must be one of {', '.join(Role.values)}."})
    access, _ = AccountAccess.objects.update_or_create(account=account, user=user, defaults={"role": role})
    return access
