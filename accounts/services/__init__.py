"""What changes users' tokens, accounts and access. Each call is one transaction; reads are in `accounts.selectors`."""

from accounts.services.audit import record_audit
from accounts.services.browser import BrowserTokenError, browser_token, end_browser_session
from accounts.services.house import house_account
from accounts.services.opening import grant_access, open_account
from accounts.services.tokens import TOKEN_PREFIX, issue_token, revoke_token, revoke_tokens_of

__all__ = [
    "TOKEN_PREFIX",
    "BrowserTokenError",
    "browser_token",
    "end_browser_session",
    "grant_access",
    "house_account",
    "issue_token",
    "open_account",
    "record_audit",
    "revoke_token",
    "revoke_tokens_of",
]
