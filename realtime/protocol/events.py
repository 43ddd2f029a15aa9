"""The struct of each event: of those that the channels carry, and of those about the connection itself."""

from realtime.protocol import messages
from realtime.protocol.messages import Reply

CHANNEL_EVENTS: dict[str, type[Reply]] = {
    "trade_update": messages.TradeUpdate,
    "position_update": messages.PositionData,
    "model_chat_update": messages.ModelChatUpdate,
    "asset_curve_update": messages.AssetCurveUpdate,
    "order_update": messages.OrderData,
    "price_update": messages.PriceUpdate,
}
CONNECTION_EVENTS: dict[str, type[Reply]] = {
    "session_expiring": messages.SessionExpiring,
    "server_shutdown": messages.ServerShutdown,
}
EVENTS = CHANNEL_EVENTS | CONNECTION_EVENTS
