"""Whether the accounts agree with their history."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.records import ReadOnlyAdmin
from trading.models import Reconciliation


class AgreesFilter(admin.SimpleListFilter):
    title = "result"
    parameter_name = "result"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("differs", "differs"), ("agrees", "agrees"), ("unchecked", "not checked yet")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reconciliation]) -> QuerySet[Reconciliation]:
        match self.value():
            case "differs":
                return queryset.filter(differences__gt=0)
            case "agrees":
                return queryset.filter(differences=0, checked_at__isnull=False)
            case "unchecked":
                return queryset.filter(checked_at__isnull=True)
        return queryset


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = ["account", "differences", "difference", "checked_at", "whole_at"]
    list_filter = [AgreesFilter]
    list_select_related = ["account"]
    search_fields = ["account__name", "difference"]
    fields = ["account", "differences", "difference", "checked_at", "whole_at", "trade_id", "entry_id", "order_id"]
