"""The risk limits of accounts."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.audited import AuditedAdmin
from trading.models import RiskLimits
from trading.storage.earlier import default_limits

GREATER_THAN_0 = (
    "risk_pct", "gross_exposure", "symbol_exposure", "max_leverage", "daily_loss_pct", "max_drift_pct",
    "min_reward_risk",
)  # fmt: skip
PERCENT = ("risk_pct", "daily_loss_pct", "max_drift_pct")
OTHERS = ("cooldown_s", "orders_per_hour", "max_age_s", "require_stop")
HELP = {
    "risk_pct": "Percent of equity that one trade may lose at its stop. Without a stop it is not known: require one.",
    "gross_exposure": "Multiple of equity that all positions together may be worth.",
    "symbol_exposure": "Multiple of equity that one position may be worth.",
    "max_leverage": "The greatest leverage of an order.",
    "daily_loss_pct": "Percent of the day's opening equity that may be lost before nothing more is opened, UTC.",
    "cooldown_s": "Seconds after a fill that lost in which nothing is opened.",
    "orders_per_hour": "How many orders may follow from decisions within an hour; 0: none.",
    "max_age_s": "Seconds after which nothing is opened on a decision any more.",
    "max_drift_pct": "Percent that the mark may have moved since the decision.",
    "require_stop": "Whether every order that opens needs a stop loss.",
    "min_reward_risk": "How many times as far as the stop the target must be.",
}


class RiskLimitsForm(forms.ModelForm):
    class Meta:
        model = RiskLimits
        fields = ("account", *GREATER_THAN_0, *OTHERS)
        help_texts = HELP

    def clean(self) -> dict[str, Any]:
        """Say at each field what it may not be."""
        given = super().clean() or self.cleaned_data
        for name in GREATER_THAN_0:
            value = given.get(name)
            if value is not None and value <= 0:
                self.add_error(name, "Must be greater than 0; leave it empty for no such limit.")
            elif value is not None and name in PERCENT and value > 100:
                self.add_error(name, "Is in percent: must be at most 100; leave it empty for no such limit.")
        return given


@admin.register(RiskLimits)
class RiskLimitsAdmin(AuditedAdmin):
    """An account without a row here keeps the defaults; so does one whose row is deleted."""

    form = RiskLimitsForm
    list_display = ["account", *GREATER_THAN_0, *OTHERS]
    list_select_related = ["account"]
    search_fields = ["account__name", "=account__id"]
    autocomplete_fields = ["account"]
    fieldsets = [
        (None, {"fields": ["account"], "description": "An empty field: no such limit."}),
        ("Each order", {"fields": ["risk_pct", "max_leverage", "require_stop", "min_reward_risk"]}),
        ("Each decision", {"fields": ["max_age_s", "max_drift_pct", "orders_per_hour"]}),
        ("The account", {"fields": ["symbol_exposure", "gross_exposure", "daily_loss_pct", "cooldown_s"]}),
    ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the defaults: who changes one limit keeps the others."""
        defaults = default_limits()
        named = {name: getattr(defaults, name) for name in (*GREATER_THAN_0, "orders_per_hour", "require_stop")}
        for name in ("cooldown", "max_age"):
            value = getattr(defaults, name)
            named[f"{name}_s"] = None if value is None else int(value.total_seconds())
        return {**named, **super().get_changeform_initial_data(request)}

    def get_readonly_fields(self, request: HttpRequest, obj: RiskLimits | None = None) -> list[str]:
        return ["account"] if obj else []
