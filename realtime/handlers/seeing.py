"""What the session's user may see, read in the transaction at hand."""

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Account, SessionToken
from accounts.selectors import account_views, may_act_as, visible_accounts
from realtime import wire
from realtime.protocol import messages
from realtime.protocol.errors import ProtocolError
from realtime.session import Session


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads: the session's token, its owner, and the user acted as. Taken before the work leaves the loop."""

    token: int
    token_user_id: int
    user_id: int

    @classmethod
    def of(cls, session: Session) -> "Viewer":
        identity = session.identity
        assert identity is not None, "the route needs a session"
        return cls(identity.token, identity.user_id, session.user_id)


def check_session(viewer: Viewer, now: datetime) -> SessionToken:
    """Return the session's token. Raises `session_expired` or `forbidden` where it no longer opens what it did."""
    token = SessionToken.objects.select_related("user").filter(pk=viewer.token).first()
    if token is None or not token.is_valid(now) or not token.user.is_active:
        raise ProtocolError("session_expired", "This session has ended; connect with a new token.")
    if viewer.user_id != viewer.token_user_id and not may_act_as(token.user):
        raise ProtocolError("forbidden", "You may no longer act as another user; switch back to yourself.")
    return token


def seen_account(viewer: Viewer, account_id: int) -> Account:
    """Return an account that the viewer may see; raise `not_found` for any other."""
    account = visible_accounts(viewer.user_id).filter(pk=account_id).first()
    if account is None:
        raise not_found(account_id)
    return account


def seen_accounts(viewer: Viewer) -> list[messages.AccountData]:
    """Return all accounts that the viewer may see, by id, each with the viewer's role."""
    return [wire.account(view) for view in account_views(viewer.user_id)]


def not_found(account_id: int | None) -> ProtocolError:
    if account_id is None:
        return ProtocolError("not_found", "This session has no active account; name one, or switch to one.")
    return ProtocolError("not_found", f"There is no account {account_id}.")
