"""Who may give a command. Read in the command's own transaction, so that a revoked token trades no more, at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import Account, AccountAccess, Role, Scope, SessionToken
from accounts.selectors import may_act_as
from trading.domain.errors import Forbidden, NotFound, Rejection, SessionExpired


@dataclass(frozen=True, slots=True)
class Actor:
    """Who speaks and as whom. `token`: id of the session's token; `user_id` is not its owner after `switch_user`."""

    token: int
    user_id: int
    token_user_id: int


class Authority:
    """What the actors of one batch may do, read in at most four queries."""

    def __init__(self, actors: Iterable[Actor], accounts: Iterable[Account], now: datetime) -> None:
        known = set(actors)
        self._now = now
        self._tokens = SessionToken.objects.select_related("user").in_bulk({actor.token for actor in known})
        self._owners = {account.pk: account.owner_id for account in accounts if not account.is_house}
        users = {actor.user_id for actor in known}
        rows = AccountAccess.objects.filter(Q(user__in=users) & Q(account__in=self._owners)) if users else ()
        self._roles = {(row.account_id, row.user_id): row.role for row in rows}
        acting = {self._tokens[a.token].user for a in known if a.user_id != a.token_user_id and a.token in self._tokens}
        self._may_act_as = {user.pk for user in acting if may_act_as(user)}

    def refusal(self, actor: Actor, account_id: int) -> Rejection | None:
        """Return why the actor may not trade on the account, or None where it may."""
        token = self._tokens.get(actor.token)
        if token is None or not token.is_valid(self._now) or not token.user.is_active:
            return SessionExpired("This session has ended: its token expired or was revoked. Connect with a new one.")
        if actor.user_id != actor.token_user_id and actor.token_user_id not in self._may_act_as:
            return Forbidden("You may no longer act as another user; switch back to yourself.")
        role = self._roles.get((account_id, actor.user_id)) if account_id in self._owners else None
        owns = self._owners.get(account_id) == actor.user_id
        if not owns and role is None:
            return NotFound(f"There is no account {account_id}.")
        if token.scope != Scope.TRADE:
            return Forbidden("This token may only read; connect with one of scope 'trade'.")
        if not owns and role != Role.TRADER:
            return Forbidden("You may see this account but not trade on it.")
        return None
