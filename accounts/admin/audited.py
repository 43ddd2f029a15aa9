from typing import Any

from django import forms
from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from accounts.models import User
from accounts.services import record_audit

SECRET = {"password"}


class AuditedAdmin(ModelAdmin):
    """Writes what is saved and deleted here to the audit trail: who, what, and each field before and after."""

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        self.audit(request, "change" if change else "add", obj, changes(form, change=change))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        # Before the row goes: after it the object has no key.
        self.audit(request, "delete", obj, {"was": str(obj)})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)

    def audit(self, request: HttpRequest, verb: str, obj: Any, detail: dict[str, Any]) -> None:
        name = obj._meta.model_name
        actor = request.user if isinstance(request.user, User) else None
        record_audit(actor=actor, action=f"{verb}_{name}", target=f"{name}:{obj.pk}", detail=detail, now=timezone.now())


def changes(form: forms.ModelForm, *, change: bool) -> dict[str, Any]:
    """Return the model's fields that the form changed as {field: {"from", "to"}}; never a secret."""
    found: dict[str, Any] = {}
    for name in form.changed_data:
        try:
            form.instance._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        before = plain(form.initial.get(name)) if change else None
        after = plain(form.cleaned_data.get(name))
        if name not in SECRET and before != after:
            found[name] = {"from": before, "to": after}
    return found


def plain(value: Any) -> Any:
    """Return the value as JSON can hold it; rows of the database as their keys."""
    if value is None or isinstance(value, bool | dict):
        return value
    if isinstance(value, list | tuple | models.QuerySet):
        return [plain(item) for item in value]
    return str(getattr(value, "pk", value))
