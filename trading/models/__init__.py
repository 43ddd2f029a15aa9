from trading.models.decision import ModelDecision
from trading.models.equity import EquityPoint
from trading.models.instrument import Instrument
from trading.models.market import EngineLease, FeedCursor, MarketPrice
from trading.models.order import Order
from trading.models.position import Position
from trading.models.trade import Trade

__all__ = [
    "EngineLease",
    "EquityPoint",
    "FeedCursor",
    "Instrument",
    "MarketPrice",
    "ModelDecision",
    "Order",
    "Position",
    "Trade",
]
