"""Instruments, prices and who runs the engine."""

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.audited import AuditedAdmin
from accounts.admin.records import ReadOnlyAdmin
from trading.models import EngineLease, Instrument, MarketPrice


@admin.register(Instrument)
class InstrumentAdmin(AuditedAdmin):
    list_display = ["symbol", "size_decimals", "default_leverage", "min_notional", "listed"]

    def get_readonly_fields(self, request: HttpRequest, obj: Instrument | None = None) -> list[str]:
        """Keep the lot and the tick: sizes and prices that are held already are exact by them."""
        return ["symbol", "size_decimals"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Instrument | None = None) -> bool:
        return False  # its orders and trades stay for ever: unlist it instead


@admin.register(MarketPrice)
class MarketPriceAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "mark", "oracle", "at", "expires"]


@admin.register(EngineLease)
class EngineLeaseAdmin(ReadOnlyAdmin):
    list_display = ["name", "holder", "fence", "expires_at"]
