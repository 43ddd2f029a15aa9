from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import append_only_sql
from accounts.models import Account, AuditEntry, LedgerEntry, User
from accounts.models.append_only import AppendOnly, AppendOnlyError
from accounts.services import open_account, record_audit
from tests.accounts.given import NOW

pytestmark = pytest.mark.django_db
MODELS: list[type[AppendOnly]] = [LedgerEntry, AuditEntry]


@pytest.fixture(autouse=True)
def triggers(db: None) -> None:
    """On SQLite the tests' database may have lost its delete triggers, so that it can be emptied."""
    append_only_sql.install(connection)


@pytest.fixture(autouse=True)
def rows(triggers: None, account: Account, owner: User) -> None:
    record_audit(actor=owner, action="look", target="account:1", now=NOW)


@pytest.mark.parametrize("model", MODELS)
def test_a_row_refuses_to_be_saved_again_or_deleted(model: type[AppendOnly]) -> None:
    row = model._default_manager.get()
    with pytest.raises(AppendOnlyError):
        row.save()
    with pytest.raises(AppendOnlyError):
        row.delete()


def test_a_new_row_with_the_key_of_another_does_not_replace_it(account: Account) -> None:
    kept = LedgerEntry.objects.get()
    other = LedgerEntry(pk=kept.pk, account=account, kind="deposit", amount=1, balance=1, created_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save()
    assert LedgerEntry.objects.get().amount == kept.amount


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("verb", "statement"),
    [
        ("changed", lambda model: model.objects.update(**{"reason" if model is LedgerEntry else "target": "other"})),
        ("deleted", lambda model: model.objects.all().delete()),
        ("deleted", lambda model: model.objects.all()._raw_delete(using="default")),
    ],
)
def test_the_database_refuses_what_goes_past_the_model(
    model: type[AppendOnly], verb: str, statement: Callable[[type[AppendOnly]], object]
) -> None:
    before = list(model._default_manager.values())
    refusal = f"{model._meta.db_table} is append-only: rows can not be {verb}"
    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        statement(model)
    assert list(model._default_manager.values()) == before


@pytest.mark.sqlite  # PostgreSQL empties tables with TRUNCATE
def test_delete_triggers_can_be_dropped_for_tests_alone() -> None:
    append_only_sql.drop_delete_triggers(connection)
    AuditEntry.objects.all()._raw_delete(using="default")
    assert not AuditEntry.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.update(reason="other")


@pytest.mark.sqlite  # on PostgreSQL it would wait for its own deferred checks
def test_the_triggers_can_be_taken_away_again() -> None:
    append_only_sql.uninstall(connection)
    assert AuditEntry.objects.update(target="other") == 1


def test_an_account_with_a_ledger_opens_next_to_another(owner: User) -> None:
    open_account(owner=owner, name="Second", starting_capital=LedgerEntry.objects.get().amount, now=NOW)
    assert LedgerEntry.objects.count() == 2
