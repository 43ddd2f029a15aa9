from django.db import models

from accounts.models import Account


class Reconciliation(models.Model):
    """How far an account's rows were compared with its history, and what came of it.

    Up to the trade, the ledger entry and the order named all agreed, and `carried` is where the replay of them stood; 0
    where the next comparison begins anew. `edits` grows whenever a row that may have been compared already is changed:
    what was found out meanwhile does not count. `difference` is the first one, in words.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="reconciliation")
    trade_id = models.BigIntegerField("verified up to trade", default=0)
    entry_id = models.BigIntegerField("verified up to ledger entry", default=0)
    order_id = models.BigIntegerField("verified up to order", default=0)
    carried = models.JSONField(default=dict)
    edits = models.BigIntegerField(default=0)
    differences = models.PositiveIntegerField(default=0)
    difference = models.CharField("first difference", max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True)
    whole_at = models.DateTimeField("whole history checked at", null=True)

    class Meta:
        ordering = ["-differences", "account"]
        indexes = [
            models.Index(fields=["account"], condition=models.Q(differences__gt=0), name="reconciliation_differs")
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.difference or 'agrees'}"
