from datetime import datetime

from django.db import models
from knox.models import AbstractAuthToken, AuthTokenManager
from knox.settings import CONSTANTS


class Scope(models.TextChoices):
    """What a token's session may do. `trade` includes `read`."""

    READ = "read"
    TRADE = "trade"


class SessionToken(AbstractAuthToken):
    """Opens a session of the socket or the API. Only its digest is kept: the token itself is shown once.

    `django_session` is the digest of the browser session that the token stands for, where it was made for one: such a
    token has no plain text that anybody holds, and ends with the browser's log-out.
    """

    # Knox makes the digest the primary key, which puts it into every address of the admin.
    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True, editable=False)
    label = models.CharField(max_length=80, blank=True)
    scope = models.CharField(max_length=5, choices=Scope.choices, default=Scope.READ)
    revoked_at = models.DateTimeField(null=True, blank=True, db_index=True)
    django_session = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)

    objects = AuthTokenManager()

    class Meta:
        ordering = ["-created"]
        constraints = [
            models.CheckConstraint(condition=models.Q(scope__in=Scope.values), name="session_token_scope_known")
        ]

    def __str__(self) -> str:
        return f"{self.token_key}… {self.label}".strip()

    def is_valid(self, now: datetime) -> bool:
        """Tell whether the token opens anything at `now`: neither revoked nor expired."""
        return self.revoked_at is None and (self.expiry is None or now < self.expiry)

    @property
    def scopes(self) -> list[str]:
        return [Scope.READ.value] if self.scope == Scope.READ else [Scope.READ.value, Scope.TRADE.value]
