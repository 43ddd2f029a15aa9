"""The exchange in the backoffice."""

from trading.admin import audits, limits, market, model_settings, models, records

__all__ = ["audits", "limits", "market", "model_settings", "models", "records"]
