"""Orders, fills, positions, decisions and equity. What is saved here is told to the sockets like any other change."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from accounts.admin.audited import AuditedAdmin, changes
from accounts.models import Account
from trading.models import EquityPoint, ModelDecision, Order, Position, Trade


class RecordAdmin(AuditedAdmin):
    """A record of what happened: it may be corrected, which is told, but not deleted, which could not be."""

    autocomplete_fields = ["account"]
    list_select_related = ["account", "instrument"]
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write only what was edited: the exchange may have changed the rest since the form was opened."""
        with transaction.atomic():
            if not change:
                obj.save()
            elif form.changed_data:
                list(Account.objects.select_for_update().filter(pk=obj.account_id).values_list("pk"))
                row = type(obj)._default_manager.get(pk=obj.pk)
                for name in form.changed_data:
                    setattr(row, name, getattr(obj, name))
                row.save(update_fields=form.changed_data)
            if not change or form.changed_data:
                self.audit(request, "change" if change else "add", obj, changes(form, change=change))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Let the form carry what it was opened with: what was edited is what differs from that, not from the row."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            field.show_hidden_initial = True
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep a record with its account: both accounts' clients would have to be told of a move."""
        return super().get_readonly_fields(request, obj) if obj is None else ("account",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(RecordAdmin):
    list_display = ["id", "account", "instrument", "side", "order_type", "size", "price", "filled_size", "status"]
    list_filter = ["status", "instrument", "side", "order_type"]
    search_fields = ["=id", "=client_order_id", "account__name"]
    raw_id_fields = ["decision", "parent"]


@admin.register(Trade)
class TradeAdmin(RecordAdmin):
    list_display = ["id", "account", "instrument", "side", "size", "price", "fee", "pnl", "liquidity", "executed_at"]
    list_filter = ["instrument", "side", "status", "liquidity"]
    search_fields = ["=id", "=order__id", "account__name"]
    raw_id_fields = ["order"]


@admin.register(Position)
class PositionAdmin(RecordAdmin):
    list_display = ["id", "account", "instrument", "side", "size", "entry_notional", "realized_pnl", "leverage"]
    list_filter = ["instrument", "side", "account__is_house"]
    search_fields = ["=id", "account__name"]


@admin.register(ModelDecision)
class ModelDecisionAdmin(RecordAdmin):
    list_display = ["public_id", "account", "instrument", "model", "decision", "confidence", "outcome", "created_at"]
    list_filter = ["decision", "model", "instrument"]
    search_fields = ["=id", "=client_decision_id", "account__name"]
    raw_id_fields = ["run"]


@admin.register(EquityPoint)
class EquityPointAdmin(RecordAdmin):
    list_display = ["id", "account", "timestamp", "equity", "balance", "daily_pnl", "daily_return_pct"]
    search_fields = ["account__name"]
    list_select_related = ["account"]
