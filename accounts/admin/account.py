from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.audited import AuditedAdmin, changes
from accounts.models import Account
from accounts.services import open_account

# Only the trading desk changes these once the account is open.
OF_THE_DESK = [
    "starting_capital",
    "cash",
    "day",
    "day_open_equity",
    "day_net_deposits",
    "last_equity",
    "created_at",
]


@admin.register(Account)
class AccountAdmin(AuditedAdmin):
    list_display = ["id", "name", "owner", "status", "cash", "model"]
    list_display_links = ["id", "name"]
    list_select_related = ["owner"]
    list_filter = ["status", "model"]
    search_fields = ["name", "owner__username", "model"]
    autocomplete_fields = ["owner"]
    add_fields = ["owner", "name", "starting_capital", "status", "model", "model_settings"]
    fields = ["owner", "name", "status", "model", "model_settings", *OF_THE_DESK]

    def get_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        return self.fields if obj else self.add_fields

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> list[str]:
        return OF_THE_DESK if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        return False  # its ledger and trades stay for ever: freeze it instead

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        if change:
            # Only what was edited: the row as it was read here may hold cash from before the desk's last trade.
            edited = [name for name in form.changed_data if name in self.fields]
            if not edited:
                return
            obj.save(update_fields=edited)
        else:
            opened = open_account(now=timezone.now(), **self.opening(form))
            obj.__dict__.update(opened.__dict__)
        self.audit(request, "change" if change else "open", obj, changes(form, change=change))

    def opening(self, form: forms.ModelForm) -> dict[str, Any]:
        return {name: form.cleaned_data[name] for name in self.add_fields}
