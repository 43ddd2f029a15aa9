"""Instruments, prices and who runs the engine."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from trading.models import EngineLease, Instrument, MarketPrice


@admin.register(Instrument)
class InstrumentAdmin(ModelAdmin):
    list_display = ["symbol", "size_decimals", "default_leverage", "min_notional", "listed"]


class ReadOnly(ModelAdmin):
    """What the engine writes for itself."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(MarketPrice)
class MarketPriceAdmin(ReadOnly):
    list_display = ["instrument", "mark", "oracle", "at", "expires"]


@admin.register(EngineLease)
class EngineLeaseAdmin(ReadOnly):
    list_display = ["name", "holder", "fence", "expires_at"]
