from django.db import models

from accounts.fields import MoneyField
from accounts.models.account import Account
from accounts.models.append_only import AppendOnly


class Kind(models.TextChoices):
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ADJUSTMENT = "adjustment"
    FUNDING = "funding"
    BACKSTOP = "backstop"
    BAD_DEBT = "bad_debt", "bad debt"


class LedgerEntry(AppendOnly):
    """Cash that moved other than by a fill (fills are their own ledger: each trade has its PnL and fee).

    `amount` is signed, USDC; `balance` is the account's cash after it. What must happen once at most, as the funding
    of an hour, has a `key`, unique for the account.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="ledger")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = MoneyField()
    balance = MoneyField()
    reason = models.CharField(max_length=200, blank=True)
    key = models.CharField(max_length=80, null=True, blank=True, editable=False)  # noqa: DJ001  (NULLs are not unique)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "-id"], name="ledger_of_account"),
            models.Index(
                fields=["account", "created_at"],
                condition=models.Q(kind__in=["deposit", "withdrawal", "adjustment"]),
                name="ledger_put_in_of_account",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=Kind.values), name="ledger_kind_known"),
            models.CheckConstraint(condition=~models.Q(amount=0), name="ledger_amount_not_0"),
            models.UniqueConstraint(fields=["account", "key"], name="ledger_key_unique"),
            models.CheckConstraint(
                condition=~models.Q(kind=Kind.DEPOSIT) | models.Q(amount__gt=0), name="ledger_deposit_gt_0"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind=Kind.WITHDRAWAL) | models.Q(amount__lt=0), name="ledger_withdrawal_lt_0"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} on {self.account_id}"
