"""The exchange in the backoffice."""

from trading.admin import market, records

__all__ = ["market", "records"]
