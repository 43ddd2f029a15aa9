from django.conf import settings
from django.db import models

from accounts.models.account import Account


class Role(models.TextChoices):
    VIEWER = "viewer"
    TRADER = "trader"


class AccountAccess(models.Model):
    """What somebody may do with another's account: see it, or trade it too. Owners need no row."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="accesses")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_accesses")
    role = models.CharField(max_length=6, choices=Role.choices)

    class Meta:
        verbose_name_plural = "account accesses"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="account_access_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="account_access_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.account}"
