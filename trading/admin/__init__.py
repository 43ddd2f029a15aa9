"""The exchange in the backoffice."""

from trading.admin import audits, limits, market, records

__all__ = ["audits", "limits", "market", "records"]
