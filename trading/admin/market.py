"""Instruments, prices and who runs the engine."""

from django.contrib import admin
from unfold.admin import ModelAdmin

from accounts.admin.records import ReadOnlyAdmin
from trading.models import EngineLease, Instrument, MarketPrice


@admin.register(Instrument)
class InstrumentAdmin(ModelAdmin):
    list_display = ["symbol", "size_decimals", "default_leverage", "min_notional", "listed"]


@admin.register(MarketPrice)
class MarketPriceAdmin(ReadOnlyAdmin):
    list_display = ["instrument", "mark", "oracle", "at", "expires"]


@admin.register(EngineLease)
class EngineLeaseAdmin(ReadOnlyAdmin):
    list_display = ["name", "holder", "fence", "expires_at"]
