"""The instruments that a new exchange lists."""

from typing import Any

from django.db import router

LISTED: dict[str, dict[str, Any]] = {
    # Lots, margin tiers and impact notionals as on Hyperliquid's mainnet.
    "BTC": {"size_decimals": 5, "margin_tiers": [[0, 40], [150_000_000, 20]], "impact_notional": 20_000},
    "ETH": {"size_decimals": 4, "margin_tiers": [[0, 25], [100_000_000, 15]], "impact_notional": 20_000},
}


def list_instruments(sender: Any, using: str = "default", **kwargs: Any) -> None:
    """Write the instruments that are not there yet, after each migration; what ops changed of others stays."""
    from trading.models import Instrument

    if not router.allow_migrate_model(using, Instrument):
        return
    for symbol, values in LISTED.items():
        Instrument.objects.using(using).get_or_create(symbol=symbol, defaults=values)
