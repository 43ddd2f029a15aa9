from datetime import datetime, timedelta

import pytest
from django.test import Client

from accounts.models import AuditEntry, SessionToken, User
from accounts.services import BrowserTokenError, browser, browser_token, end_browser_session, revoke_token
from tests.accounts.given import NOW

DAY = timedelta(days=1)


def get(user: User, key: str = "key", expiry: datetime = NOW + DAY, now: datetime = NOW) -> SessionToken:
    return browser_token(user=user, session_key=key, expiry=expiry, now=now)


def test_a_browser_has_one_token_and_its_session_key_is_not_on_disk(owner: User) -> None:
    first = get(owner)
    assert get(owner) == first
    assert get(owner, "other") != first
    assert first.scopes == ["read", "trade"]
    assert "key" not in (first.django_session or "")
    assert len(first.django_session or "") == 64


def test_two_connections_at_once_get_the_same_token(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    first = get(owner)
    monkeypatch.setattr(browser, "_find", _late(browser._find))
    assert get(owner) == first
    assert SessionToken.objects.count() == 1


def _late(find):
    """Find nothing at the first look: the other connection's row comes right after it."""
    looks: list[str] = []

    def look(digest: str) -> SessionToken | None:
        looks.append(digest)
        return None if len(looks) == 1 else find(digest)

    return look


def test_the_token_follows_the_end_of_its_session(owner: User) -> None:
    token = get(owner)
    later = get(owner, expiry=NOW + 3 * DAY, now=NOW + 2 * DAY)
    assert later == token
    assert SessionToken.objects.get().expiry == NOW + 3 * DAY
    get(owner, expiry=NOW + 2 * DAY)
    assert SessionToken.objects.get().is_valid(NOW + 2 * DAY) is False


def test_a_revoked_browser_token_never_comes_back(owner: User) -> None:
    revoke_token(token=get(owner), now=NOW)
    with pytest.raises(BrowserTokenError, match="signed out or revoked"):
        get(owner)
    assert not SessionToken.objects.get().is_valid(NOW)


def test_a_session_that_signed_out_before_its_first_token_gets_none(owner: User) -> None:
    end_browser_session(user=owner, session_key="key", now=NOW)
    with pytest.raises(BrowserTokenError):
        get(owner)


def test_a_browser_token_is_for_its_user_alone(owner: User, stranger: User) -> None:
    get(owner)
    with pytest.raises(BrowserTokenError, match="another user"):
        get(stranger)


def test_an_ended_session_and_an_inactive_user_get_no_token(owner: User) -> None:
    with pytest.raises(BrowserTokenError, match="ended"):
        get(owner, expiry=NOW)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    with pytest.raises(BrowserTokenError, match="not active"):
        get(owner)
    assert not SessionToken.objects.exists()


def test_signing_out_ends_the_token_of_that_browser_alone(owner: User) -> None:
    here, there = Client(), Client()
    tokens = []
    for client in (here, there):
        client.force_login(owner)
        session = client.session
        tokens.append(get(owner, session.session_key, session.get_expiry_date(), NOW))
    here.logout()
    assert [SessionToken.objects.get(pk=token.pk).revoked_at is None for token in tokens] == [False, True]


def test_signing_in_and_out_is_in_the_audit_trail(owner: User, client: Client) -> None:
    assert client.login(username="owner", password="correct horse")
    client.logout()
    trail = AuditEntry.objects.order_by("id").values_list("actor_name", "action", "target")
    assert list(trail) == [("owner", "sign_in", f"user:{owner.pk}"), ("owner", "sign_out", f"user:{owner.pk}")]


def test_signing_out_without_having_signed_in_writes_nothing(client: Client, db: None) -> None:
    client.logout()
    assert not AuditEntry.objects.exists()
