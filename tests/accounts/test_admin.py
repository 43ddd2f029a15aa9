import re

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AccountAccess, AuditEntry, LedgerEntry, SessionToken, User
from accounts.selectors import authenticate_token
from accounts.services import issue_token, record_audit
from tests.accounts.given import NOW

MODELS = ["user", "account", "accountaccess", "sessiontoken", "ledgerentry", "auditentry"]


@pytest.fixture
def boss(db: None, client: Client) -> User:
    user = User.objects.create_superuser("boss", password="of it all")
    client.force_login(user)
    return user


def url(model: str, page: str = "changelist", *args: object) -> str:
    return reverse(f"admin:accounts_{model}_{page}", args=args)


def audit(action: str) -> AuditEntry:
    return AuditEntry.objects.get(action=action)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_and_page_opens(client: Client, boss: User, account: Account, owner: User, model: str) -> None:
    AccountAccess.objects.create(account=account, user=boss, role="viewer")
    token, raw = issue_token(user=owner, scope="read", label="bot", now=NOW, lifetime=None)
    record_audit(actor=owner, action="look", target="x", now=NOW)
    rows = {"user": owner, "account": account, "accountaccess": AccountAccess.objects.get(), "sessiontoken": token}
    row = rows.get(model) or (LedgerEntry if model == "ledgerentry" else AuditEntry).objects.first()
    for address in (url(model), url(model) + "?q=a", url(model, "change", row.pk)):
        page = client.get(address)
        assert page.status_code == 200
        assert token.digest not in page.text
        assert raw not in page.text


def test_an_account_opened_here_has_its_deposit(client: Client, boss: User, owner: User) -> None:
    form = {"owner": owner.pk, "name": "New", "starting_capital": "250.5", "status": "active", "model_settings": "{}"}
    assert client.post(url("account", "add"), form).status_code == 302
    account = Account.objects.get()
    assert account.cash == LedgerEntry.objects.get().amount
    assert format(account.cash, "f") == "250.500000"
    assert audit("open_account").target == f"account:{account.pk}"


@pytest.mark.parametrize("change", [{"starting_capital": "-1"}, {"starting_capital": "0.0000001"}, {"name": "Main"}])
def test_a_bad_account_is_refused_in_the_form(client: Client, boss: User, account: Account, change) -> None:
    form = {"owner": account.owner_id, "name": "New", "starting_capital": "1", "status": "active"}
    page = client.post(url("account", "add"), {**form, "model_settings": "{}", **change})
    assert page.status_code == 200
    assert page.context["errors"]
    assert Account.objects.count() == 1


def test_editing_an_account_never_writes_its_cash_back(
    client: Client, boss: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Account.save

    def traded_meanwhile(self: Account, **kwargs: object) -> None:
        Account.objects.filter(pk=self.pk).update(cash=7)
        save(self, **kwargs)

    monkeypatch.setattr(Account, "save", traded_meanwhile)
    form = {"owner": account.owner_id, "name": "Main", "status": "frozen", "model_settings": "{}", "cash": "999"}
    assert client.post(url("account", "change", account.pk), form).status_code == 302
    account.refresh_from_db()
    assert (account.status, account.cash) == ("frozen", 7)
    assert audit("change_account").detail == {"status": {"from": "active", "to": "frozen"}}


def test_accounts_users_and_records_are_not_deleted_here(client: Client, boss: User, account: Account) -> None:
    pages = [("account", account.pk), ("user", boss.pk), ("ledgerentry", LedgerEntry.objects.get().pk)]
    assert [client.post(url(model, "delete", pk), {"post": "yes"}).status_code for model, pk in pages] == [403] * 3
    assert client.get(url("ledgerentry", "add")).status_code == 403
    assert client.get(url("auditentry", "add")).status_code == 403


def test_a_token_is_shown_once_when_it_is_issued(client: Client, boss: User, owner: User) -> None:
    form = {"user": owner.pk, "label": "bot", "scope": "trade", "days": "3"}
    page = client.post(url("sessiontoken", "add"), form, follow=True)
    found = re.search(r"hy_[0-9a-f]{64}", page.text)
    assert found is not None
    token = SessionToken.objects.get()
    assert token.scope == "trade"
    assert authenticate_token(found[0], token.created) == token
    assert found[0] not in client.get(url("sessiontoken")).text
    assert found[0] not in str(audit("issue_sessiontoken").detail)


def test_revoking_is_a_post_and_is_written_down(client: Client, boss: User, owner: User) -> None:
    token, _ = issue_token(user=owner, scope="read", label="bot", now=NOW, lifetime=None)
    assert client.post(url("sessiontoken"), {"action": "revoke", "_selected_action": [token.pk]}).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert audit("revoke_sessiontoken").actor == boss


def test_a_user_made_here_leaves_no_password_in_the_audit(client: Client, boss: User) -> None:
    form = {"username": "new", "usable_password": "true", "password1": "s3cret-horse", "password2": "s3cret-horse"}
    assert client.post(url("user", "add"), form).status_code == 302
    assert User.objects.get(username="new").check_password("s3cret-horse")
    assert audit("add_user").detail == {"username": {"from": None, "to": "new"}}


def test_a_new_password_set_here_ends_the_users_tokens(client: Client, boss: User, owner: User) -> None:
    _, raw = issue_token(user=owner, scope="read", label="bot", now=NOW, lifetime=None)
    form = {"usable_password": "true", "password1": "s3cret-horse", "password2": "s3cret-horse"}
    assert client.post(reverse("admin:auth_user_password_change", args=[owner.pk]), form).status_code == 302
    assert authenticate_token(raw, NOW) is None


def test_access_given_and_taken_is_written_down(client: Client, boss: User, account: Account) -> None:
    form = {"account": account.pk, "user": boss.pk, "role": "trader"}
    assert client.post(url("accountaccess", "add"), form).status_code == 302
    access = AccountAccess.objects.get()
    assert client.post(url("accountaccess", "delete", access.pk), {"post": "yes"}).status_code == 302
    assert not AccountAccess.objects.exists()
    actions = AuditEntry.objects.filter(target=f"accountaccess:{access.pk}").order_by("id")
    assert [entry.action for entry in actions] == ["add_accountaccess", "delete_accountaccess"]


def test_staff_can_not_make_themselves_superusers(client: Client, boss: User, owner: User) -> None:
    owner.is_staff = True
    owner.save()
    codenames = ["change_user", "view_user", "add_sessiontoken", "view_sessiontoken"]
    owner.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(owner)
    form = {"username": "owner", "is_active": "on", "is_superuser": "on", "is_staff": "on"}
    assert client.post(url("user", "change", owner.pk), form).status_code == 302
    owner.refresh_from_db()
    assert not owner.is_superuser
    assert owner.user_permissions.count() == 4
    assert client.post(url("user", "change", boss.pk), form).status_code == 403
    assert client.post(reverse("admin:auth_user_password_change", args=[boss.pk]), {}).status_code == 403
    client.post(url("sessiontoken", "add"), {"user": boss.pk, "label": "mine", "scope": "trade", "days": "1"})
    assert not SessionToken.objects.filter(label="mine").exists()
    token, _ = issue_token(user=boss, scope="read", label="bot", now=NOW, lifetime=None)
    client.post(url("sessiontoken"), {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is None
