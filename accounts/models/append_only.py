from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(TypeError):
    """Rows of this table are written once and stay as they are."""


class AppendOnly(models.Model):
    """A table whose rows can be added, never changed nor deleted. Triggers in the database hold the same."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError(f"{self._meta.verbose_name} {self.pk} can't be changed; add one that corrects it.")
        # Without it Django tries an UPDATE first where a new row was given a primary key.
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError(f"{self._meta.verbose_name} {self.pk} can't be deleted.")
