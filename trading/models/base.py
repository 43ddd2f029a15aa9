"""What the rows have in common whose saving is told to the sockets."""

from enum import StrEnum
from typing import Any

from django.db import models, transaction

from accounts.models import Account


class AccountRow(models.Model):
    """A row of an account. Saving one writes it and its event in one transaction, with the account locked.

    Every model has an index of its own that begins with the account, so the key has none: each costs a tenth of what
    writing the row does.

    Django sends `post_save` after the row's own transaction; the event must not be lost between the two. The desk
    writes such rows in bulk and sends `post_save` for each itself.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="%(class)ss", db_index=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Values as a shell gives them (strings, floats) become what the columns hold: the event tells the row's own.
        written = kwargs.get("update_fields")
        self.clean_fields(
            exclude=[
                field.name
                for field in self._meta.concrete_fields
                if field.is_relation or (written is not None and field.name not in written)
            ]
        )
        with transaction.atomic():
            list(Account.objects.select_for_update().filter(pk=self.account_id).values_list("pk"))
            super().save(*args, **kwargs)


def choices(words: type[StrEnum]) -> list[tuple[str, str]]:
    """Turn the domain's words into a model field's choices."""
    return [(word.value, word.value.replace("_", " ")) for word in words]


def known(field: str, words: type[StrEnum], name: str) -> models.CheckConstraint:
    """Hold a column to the domain's words."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": [word.value for word in words]}), name=name)
