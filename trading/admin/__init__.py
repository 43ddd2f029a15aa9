"""The exchange in the backoffice."""

from trading.admin import audits, limits, market, models, records

__all__ = ["audits", "limits", "market", "models", "records"]
