"""Writing a checked plan: what is missing is made, what is there stays as it is."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Permission
from django.db import transaction
from knox.settings import knox_settings

from accounts.models import Account, AccountAccess, SessionToken, User
from accounts.seeding.keep import Kept
from accounts.seeding.plan import AccountSeed, Plan, TokenSeed, UserSeed
from accounts.selectors import authenticate_token
from accounts.services import grant_access, issue_token, open_account


@dataclass(frozen=True)
class UserResult:
    user: User
    created: bool
    password: str | None


@dataclass(frozen=True)
class AccountResult:
    account: Account
    created: bool


@dataclass(frozen=True)
class TokenResult:
    token: SessionToken
    created: bool
    raw: str | None


@dataclass(frozen=True)
class Result:
    users: list[UserResult]
    accounts: list[AccountResult]
    tokens: list[TokenResult]


@transaction.atomic
def apply(plan: Plan, *, kept: Kept, now: datetime) -> Result:
    """Write the plan in one transaction and keep its new secrets.

    Users are matched by name, accounts by owner and name, accesses by account and user, tokens by user and label
    (valid ones only). Nothing that is matched is changed: no password, no cash, no role.

    Raises `SeedError` when the secrets can't be kept; nothing is written then.
    """
    users = [_user(seed, kept) for seed in plan.users]
    accounts = [_account(seed, now) for seed in plan.accounts]
    tokens = [_token(seed, kept, now) for seed in plan.tokens]
    # Before the commit: secrets that nobody could read again must not be on disk as digests.
    kept.write()
    return Result(users, accounts, tokens)


def _user(seed: UserSeed, kept: Kept) -> UserResult:
    user = User.objects.filter(username=seed.username).first()
    if user is not None:
        password = kept.passwords.get(seed.username)
        if password is not None and not user.check_password(password):
            # It was changed since; a login that no longer works must not be shown.
            kept.passwords.pop(seed.username)
            password = None
        return UserResult(user, created=False, password=password)
    made = None if seed.password else secrets.token_urlsafe(12)
    user = User(username=seed.username, email=seed.email, is_staff=seed.staff, is_superuser=seed.superuser)
    user.set_password(seed.password or made)
    user.save(force_insert=True)
    for name in seed.permissions:
        app, _, codename = name.partition(".")
        user.user_permissions.add(*Permission.objects.filter(content_type__app_label=app, codename=codename))
    if made:
        kept.passwords[seed.username] = made
    else:
        kept.passwords.pop(seed.username, None)
    return UserResult(user, created=True, password=made)


def _account(seed: AccountSeed, now: datetime) -> AccountResult:
    owner = User.objects.get(username=seed.owner)
    account = Account.objects.select_related("owner").filter(owner=owner, name=seed.name).first()
    created = account is None
    if account is None:
        account = open_account(
            owner=owner,
            name=seed.name,
            starting_capital=seed.starting_capital,
            now=now,
            model=seed.model,
            model_settings=seed.model_settings,
            status=seed.status,
        )
    for access in seed.access:
        user = User.objects.get(username=access.user)
        if not AccountAccess.objects.filter(account=account, user=user).exists():
            grant_access(account=account, user=user, role=access.role)
    return AccountResult(account, created=created)


def _token(seed: TokenSeed, kept: Kept, now: datetime) -> TokenResult:
    user = User.objects.get(username=seed.user)
    raw = kept.token(seed.user, seed.label)
    if raw is not None:
        token = authenticate_token(raw, now)
        if token is not None and token.user_id == user.pk:
            return TokenResult(token, created=False, raw=raw)
    else:
        # Those of browsers are nobody's to hold; they share no label with these.
        same = SessionToken.objects.filter(user=user, label=seed.label, django_session=None, revoked_at=None)
        token = next((token for token in same.select_related("user") if token.is_valid(now)), None)
        if token is not None:
            return TokenResult(token, created=False, raw=None)
    token, raw = issue_token(
        user=user, scope=seed.scope, label=seed.label, now=now, lifetime=seed.lifetime or knox_settings.TOKEN_TTL
    )
    kept.keep_token(seed.user, seed.label, raw)
    return TokenResult(token, created=True, raw=raw)
