"""Orders, fills, positions, decisions and equity. What is saved here is told to the sockets like any other change."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from trading.models import EquityPoint, ModelDecision, Order, Position, Trade


@admin.register(Order)
class OrderAdmin(ModelAdmin):
    list_display = ["id", "account", "instrument", "side", "order_type", "size", "price", "filled_size", "status"]
    list_filter = ["status", "instrument", "side", "order_type"]
    search_fields = ["=id", "=client_order_id", "account__name"]
    autocomplete_fields = ["account"]
    raw_id_fields = ["decision"]
    list_select_related = ["account", "instrument"]
    show_full_result_count = False


@admin.register(Trade)
class TradeAdmin(ModelAdmin):
    list_display = ["id", "account", "instrument", "side", "size", "price", "fee", "pnl", "liquidity", "executed_at"]
    list_filter = ["instrument", "side", "status", "liquidity"]
    search_fields = ["=id", "=order__id", "account__name"]
    autocomplete_fields = ["account"]
    raw_id_fields = ["order"]
    list_select_related = ["account", "instrument"]
    show_full_result_count = False


@admin.register(Position)
class PositionAdmin(ModelAdmin):
    list_display = ["id", "account", "instrument", "side", "size", "entry_notional", "realized_pnl", "leverage"]
    list_filter = ["instrument", "side"]
    search_fields = ["=id", "account__name"]
    autocomplete_fields = ["account"]
    list_select_related = ["account", "instrument"]
    show_full_result_count = False


@admin.register(ModelDecision)
class ModelDecisionAdmin(ModelAdmin):
    list_display = ["public_id", "account", "instrument", "model", "decision", "confidence", "outcome", "created_at"]
    list_filter = ["decision", "model", "instrument"]
    search_fields = ["=id", "=client_decision_id", "account__name"]
    autocomplete_fields = ["account"]
    list_select_related = ["account", "instrument"]
    show_full_result_count = False


@admin.register(EquityPoint)
class EquityPointAdmin(ModelAdmin):
    list_display = ["id", "account", "timestamp", "equity", "balance", "daily_pnl", "daily_return_pct"]
    search_fields = ["account__name"]
    autocomplete_fields = ["account"]
    list_select_related = ["account"]
    show_full_result_count = False
