"""The channels that one can subscribe to, and the event that each carries."""

TRADES = "trades"
POSITIONS = "positions"
MODEL_CHAT = "model_chat"
ASSET_CURVE = "asset_curve"
ORDERS = "orders"
PRICES = "prices"

EVENT_OF = {
    TRADES: "trade_update",
    POSITIONS: "position_update",
    MODEL_CHAT: "model_chat_update",
    ASSET_CURVE: "asset_curve_update",
    ORDERS: "order_update",
    PRICES: "price_update",
}
CHANNELS = tuple(EVENT_OF)
DURABLE = frozenset(CHANNELS) - {PRICES}
REFRESHED = frozenset({POSITIONS})
"""Durable channels whose event also comes without a number: when a mark moved, and nothing else changed."""
