"""The field's words for what orders, positions and fills can be."""

from enum import StrEnum


class Side(StrEnum):
    """The side of an order or a fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class PositionSide(StrEnum):
    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        return 1 if self is PositionSide.LONG else -1

    @property
    def closing_side(self) -> Side:
        """The side of an order that reduces such a position."""
        return Side.SELL if self is PositionSide.LONG else Side.BUY


class MarginMode(StrEnum):
    CROSS = "cross"
    ISOLATED = "isolated"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"


class TimeInForce(StrEnum):
    """How long a limit order lives: until canceled, for an instant, or only as maker ("add liquidity only")."""

    GTC = "gtc"
    IOC = "ioc"
    ALO = "alo"


class OrderStatus(StrEnum):
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"


class Liquidity(StrEnum):
    TAKER = "taker"
    MAKER = "maker"


class TradeStatus(StrEnum):
    """`filled`: the fill only opened or added. `closed`: it reduced, closed or flipped the position."""

    FILLED = "filled"
    CLOSED = "closed"


class FillQuality(StrEnum):
    """Where the fill's price came from: a real book, or one assumed around the mark."""

    BOOK = "book"
    SYNTHETIC = "synthetic"


class Action(StrEnum):
    """What a model decided."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"
    CLOSE = "close"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"


class LedgerKind(StrEnum):
    """Why cash moved other than by a fill."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ADJUSTMENT = "adjustment"
    FUNDING = "funding"
