"""The exchange in the backoffice."""

from trading.admin import audits, market, records

__all__ = ["audits", "market", "records"]
