from accounts.admin.access import AccountAccessAdmin
from accounts.admin.account import AccountAdmin
from accounts.admin.records import AuditEntryAdmin, LedgerEntryAdmin
from accounts.admin.token import SessionTokenAdmin
from accounts.admin.user import GroupAdmin, UserAdmin

__all__ = [
    "AccountAccessAdmin",
    "AccountAdmin",
    "AuditEntryAdmin",
    "GroupAdmin",
    "LedgerEntryAdmin",
    "SessionTokenAdmin",
    "UserAdmin",
]
