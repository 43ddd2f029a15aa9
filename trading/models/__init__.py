from trading.models.candle import Candle
from trading.models.decision import ModelDecision
from trading.models.equity import EquityPoint
from trading.models.funding import FundingRate
from trading.models.instrument import Instrument
from trading.models.market import EngineLease, FeedCursor, MarketPrice
from trading.models.modeling import ModelPause, ModelRun, ModelSchedule, RiskLimits
from trading.models.order import Order
from trading.models.position import Position
from trading.models.reconciliation import Reconciliation
from trading.models.trade import Trade
from trading.models.volume import DailyVolume

__all__ = [
    "Candle",
    "DailyVolume",
    "EngineLease",
    "EquityPoint",
    "FeedCursor",
    "FundingRate",
    "Instrument",
    "MarketPrice",
    "ModelDecision",
    "ModelPause",
    "ModelRun",
    "ModelSchedule",
    "Order",
    "Position",
    "Reconciliation",
    "RiskLimits",
    "Trade",
]
