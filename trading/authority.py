"""Who may give a command. Read in the command's own transaction, so that a revoked token trades no more, at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from accounts.models import AccountAccess, Role, Scope, SessionToken, User
from accounts.selectors import may_act_as
from trading.domain.errors import Forbidden, NotFound, Rejection, SessionExpired
from trading.rows import Select

ACTIVE_OWNER = f"EXISTS (SELECT 1 FROM {User._meta.db_table} u WHERE u.id = found.user_id AND u.is_active)"  # noqa: S608
_tokens = Select(SessionToken, "id", "scope", "revoked_at", "expiry", where=f"id {{numbers}} AND {ACTIVE_OWNER}")
_roles = Select(AccountAccess, "account_id", "user_id", "role", where="account_id {numbers} AND user_id {numbers}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who speaks and as whom. `token`: id of the session's token; `user_id` is not its owner after `switch_user`."""

    token: int
    user_id: int
    token_user_id: int


class Token(NamedTuple):
    """A token of an active user, as far as it matters here."""

    scope: str
    revoked_at: datetime | None
    expiry: datetime | None

    def is_valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expiry is None or now < self.expiry)


class Authority:
    """What the actors of one batch may do on the accounts that they name, read in at most three queries."""

    def __init__(self, asks: Iterable[tuple[Actor, int]], owners: Mapping[int, int], now: datetime) -> None:
        known = set(asks)
        self._now, self._owners = now, owners
        actors = {actor for actor, _ in known}
        rows = _tokens({actor.token for actor in actors}) if actors else ()
        self._tokens = {pk: Token(*values) for pk, *values in rows}
        others = {(pk, actor.user_id) for actor, pk in known if pk in owners and owners[pk] != actor.user_id}
        found = _roles({pk for pk, _ in others}, {user for _, user in others}) if others else ()
        self._roles = {(account_id, user_id): role for account_id, user_id, role in found}
        acting = {actor.token_user_id for actor in actors if actor.user_id != actor.token_user_id}
        users = User.objects.filter(pk__in=acting) if acting else ()
        self._may_act_as = {user.pk for user in users if may_act_as(user)}

    def refusal(self, actor: Actor, account_id: int) -> Rejection | None:
        """Return why the actor may not trade on the account, or None where it may."""
        token = self._tokens.get(actor.token)
        if token is None or not token.is_valid(self._now):
            return SessionExpired("This session has ended: its token expired or was revoked. Connect with a new one.")
        if actor.user_id != actor.token_user_id and actor.token_user_id not in self._may_act_as:
            return Forbidden("You may no longer act as another user; switch back to yourself.")
        role = self._roles.get((account_id, actor.user_id))
        owns = self._owners.get(account_id) == actor.user_id
        if not owns and role is None:
            return NotFound(f"There is no account {account_id}.")
        if token.scope != Scope.TRADE:
            return Forbidden("This token may only read; connect with one of scope 'trade'.")
        if not owns and role != Role.TRADER:
            return Forbidden("You may see this account but not trade on it.")
        return None
