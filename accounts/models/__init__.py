from accounts.models.access import AccountAccess, Role
from accounts.models.account import Account, Status
from accounts.models.audit import AuditEntry
from accounts.models.ledger import Kind, LedgerEntry
from accounts.models.token import Scope, SessionToken
from accounts.models.user import User

__all__ = [
    "Account",
    "AccountAccess",
    "AuditEntry",
    "Kind",
    "LedgerEntry",
    "Role",
    "Scope",
    "SessionToken",
    "Status",
    "User",
]
