"""The event that the others broadcast: the very size of our server's `order_update`."""

import json
from typing import Any

BYTES = 460


def event() -> dict[str, Any]:
    """Return an event that `json.dumps` makes `BYTES` long."""
    data = {
        "order_id": 1017,
        "client_order_id": "",
        "account_id": 1,
        "symbol": "BTC",
        "side": "buy",
        "order_type": "limit",
        "size": 0.001,
        "price": 40000.0,
        "status": "open",
        "filled_size": 0.0,
        "reduce_only": False,
        "leverage": 10,
        "timestamp": "2026-11-23T17:29:26.347222Z",
    }
    frame = {"type": "order_update", "channel": "orders", "seq": 1017, "epoch": "583165a0", "data": data}
    data["client_order_id"] = "x" * (BYTES - len(json.dumps(frame)))
    return frame
