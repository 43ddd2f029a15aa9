from decimal import Decimal

from django.conf import settings
from django.db import models

from accounts.fields import MoneyField


class Status(models.TextChoices):
    ACTIVE = "active"
    FROZEN = "frozen"


class Account(models.Model):
    """A trading account. All amounts in USDC.

    `cash` is deposits + realised PnL - fees + funding. Once the account is open only the trading desk changes it, in
    the transaction that writes the trade or the ledger entry which says why.
    """

    name = models.CharField(max_length=80)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="accounts")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    starting_capital = MoneyField()
    cash = MoneyField()
    model = models.CharField("model that trades it", max_length=60, blank=True, db_index=True)
    model_settings = models.JSONField(default=dict, blank=True)
    day = models.DateField(help_text="The UTC day that the daily figures below belong to.")
    day_open_equity = MoneyField(default=Decimal(0))
    day_net_deposits = MoneyField(default=Decimal(0))
    last_equity = MoneyField(default=Decimal(0), help_text="The equity recorded last; the next day opens with it.")
    cancel_after = models.DateTimeField(
        null=True, blank=True, help_text="All open orders are canceled then, unless the client says it is alive."
    )
    liquidated_at = models.DateTimeField(null=True, blank=True, help_text="When it was liquidated last.")
    is_house = models.BooleanField(
        default=False, editable=False, help_text="The exchange's own: takes over what is liquidated, bears bad debt."
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["cancel_after"],
                condition=models.Q(cancel_after__isnull=False),
                name="account_by_cancel_after",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["is_house"], condition=models.Q(is_house=True), name="account_one_house"),
            models.UniqueConstraint(fields=["owner", "name"], name="account_name_unique_for_owner"),
            models.CheckConstraint(condition=models.Q(starting_capital__gte=0), name="account_starting_capital_gte_0"),
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="account_status_known"),
        ]

    def __str__(self) -> str:
        return self.name
