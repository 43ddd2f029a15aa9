from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models.signals import post_save

from accounts.models import AuditEntry, SessionToken, User
from accounts.selectors import authenticate_token, may_act_as
from accounts.services import TOKEN_PREFIX, issue_token, revoke_token
from tests.accounts.given import NOW

DAY = timedelta(days=1)


def issue(user: User, **changes: object) -> tuple[SessionToken, str]:
    return issue_token(**{"user": user, "scope": "trade", "label": "bot", "now": NOW, "lifetime": DAY, **changes})


def test_a_token_opens_a_session_of_its_user(owner: User, django_assert_num_queries) -> None:
    issued, raw = issue(owner)
    with django_assert_num_queries(1):
        token = authenticate_token(raw, NOW)
        assert token is not None
        assert token.user == owner
    assert token == issued
    assert token.scopes == ["read", "trade"]
    assert token.expiry == NOW + DAY
    assert raw.startswith(TOKEN_PREFIX)


def test_the_plain_token_is_nowhere_on_disk(owner: User) -> None:
    token, raw = issue(owner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_sessiontoken")
        stored = repr(cursor.fetchall())
    assert raw not in stored
    assert raw[len(token.token_key) :] not in stored
    assert token.digest not in str(token)


def test_a_token_ends_at_its_expiry_and_not_before(owner: User) -> None:
    _, raw = issue(owner)
    assert authenticate_token(raw, NOW + DAY - timedelta(microseconds=1))
    assert authenticate_token(raw, NOW + DAY) is None


def test_a_token_without_a_lifetime_never_expires(owner: User) -> None:
    _, raw = issue(owner, lifetime=None)
    assert authenticate_token(raw, NOW + 10_000 * DAY)


def test_a_revoked_token_opens_nothing_and_keeps_its_first_time(owner: User) -> None:
    token, raw = issue(owner)
    revoke_token(token=token, now=NOW)
    revoke_token(token=SessionToken.objects.get(pk=token.pk), now=NOW + DAY)
    assert authenticate_token(raw, NOW) is None
    assert SessionToken.objects.get(pk=token.pk).revoked_at == NOW


def test_revoking_is_announced_once(owner: User) -> None:
    token, _ = issue(owner)
    saved: list[SessionToken] = []

    def receiver(instance: SessionToken, **kwargs: object) -> None:
        saved.append(instance)

    post_save.connect(receiver, sender=SessionToken)
    try:
        revoke_token(token=token, now=NOW)
        revoke_token(token=token, now=NOW)
    finally:
        post_save.disconnect(receiver, sender=SessionToken)
    assert [(item.pk, item.revoked_at) for item in saved] == [(token.pk, NOW)]


def test_the_token_of_an_inactive_user_opens_nothing(owner: User) -> None:
    _, raw = issue(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert authenticate_token(raw, NOW) is None


@pytest.mark.parametrize(
    "raw", [None, 7, 1.5, True, b"hy_1", [], {}, "", "x" * 201, "hy_\x00", "hy_\n", "hy_\x7f", "hy_é", "\ud800"]
)
def test_what_can_not_be_a_token_is_refused_without_asking_the_database(raw: object) -> None:
    # No database fixture: a query would raise.
    assert authenticate_token(raw, NOW) is None


@pytest.mark.parametrize(
    "change", [lambda raw: raw[:-1], lambda raw: raw + "0", lambda raw: raw.upper(), lambda _: " "]
)
def test_a_wrong_token_opens_nothing(owner: User, change) -> None:
    _, raw = issue(owner)
    assert authenticate_token(change(raw), NOW) is None
    assert authenticate_token(SessionToken.objects.get().digest, NOW) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "root"}, ValidationError),
        ({"label": "x" * 81}, ValidationError),
        ({"lifetime": timedelta(0)}, ValueError),
    ],
)
def test_a_token_is_not_issued_on_bad_terms(owner: User, changes, error) -> None:
    with pytest.raises(error):
        issue(owner, **changes)
    assert not SessionToken.objects.exists()


def test_no_token_is_issued_to_an_inactive_user(owner: User) -> None:
    owner.is_active = False
    with pytest.raises(ValueError, match="not active"):
        issue(owner)


def test_deactivating_a_user_ends_every_token(owner: User, stranger: User) -> None:
    _, raw = issue(owner)
    _, others = issue(stranger)
    owner.is_active = False
    owner.save()
    assert authenticate_token(others, NOW)
    owner.is_active = True
    owner.save()
    assert authenticate_token(raw, NOW) is None
    assert AuditEntry.objects.get(action="end_tokens").detail == {"because": ["deactivated"], "tokens": 1}


def test_a_new_password_ends_every_token(owner: User) -> None:
    tokens = [issue(owner)[1] for _ in range(3)]
    owner.set_password("battery staple")
    owner.save(update_fields=["password"])
    assert [authenticate_token(raw, NOW) for raw in tokens] == [None, None, None]


def test_taking_the_password_away_ends_every_token(owner: User) -> None:
    _, raw = issue(owner)
    owner.set_unusable_password()
    owner.save(update_fields=["password"])
    assert authenticate_token(raw, NOW) is None


def test_a_stronger_hash_of_the_same_password_ends_nothing(owner: User, settings) -> None:
    _, raw = issue(owner)
    before = owner.password
    settings.PASSWORD_HASHERS = list(reversed(settings.PASSWORD_HASHERS))
    assert owner.check_password("correct horse")
    owner.refresh_from_db()
    assert owner.password != before
    assert authenticate_token(raw, NOW)


def test_what_is_not_saved_ends_nothing(owner: User) -> None:
    _, raw = issue(owner)
    owner.is_active = False
    owner.email = "owner@example.com"
    owner.save(update_fields=["email"])
    assert authenticate_token(raw, NOW)


def test_acting_as_another_needs_the_permission_and_an_active_user(owner: User) -> None:
    assert not may_act_as(owner)
    boss = User.objects.create_superuser("boss")
    assert may_act_as(boss)
    boss.is_active = False
    assert not may_act_as(boss)
