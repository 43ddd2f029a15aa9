"""The field's words for what orders, positions and fills can be."""

from enum import StrEnum


class Side(StrEnum):
    """The side of an order or a fill."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def other(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY


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
    """`stop_*` and `take_profit_*` wait for their trigger, on the mark; then they are what follows the underscore."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    STOP_LIMIT = "stop_limit"
    TAKE_PROFIT_MARKET = "take_profit_market"
    TAKE_PROFIT_LIMIT = "take_profit_limit"

    @property
    def is_trigger(self) -> bool:
        return self not in (OrderType.MARKET, OrderType.LIMIT)

    @property
    def is_stop(self) -> bool:
        return self in (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)

    @property
    def is_market(self) -> bool:
        """Whether it takes what the book has, up to a slippage cap, when it is its turn."""
        return self in (OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


class TimeInForce(StrEnum):
    """How long a limit order lives: until canceled, for an instant, or only as maker ("add liquidity only")."""

    GTC = "gtc"
    IOC = "ioc"
    ALO = "alo"


class OrderStatus(StrEnum):
    """`pending_trigger`: waits for its trigger or for its parent's fill. `open`: may fill. The others are final."""

    PENDING_TRIGGER = "pending_trigger"
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
    """Where the fill's price came from: a real book, one assumed around the mark, or the mark itself (`backstop`).

    `backstop` fills are the house's: it takes a liquidated position over, without a fee.
    """

    BOOK = "book"
    SYNTHETIC = "synthetic"
    BACKSTOP = "backstop"


class Action(StrEnum):
    """What a model decided."""

    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"
    CLOSE = "close"


class DecisionStatus(StrEnum):
    """What became of a decision.

    `none`: it asked for no order. `accepted`: its order was. `refused`: by the exchange or the risk gate. `invalid`: it
    could not be understood. `failed`: the model could not be asked.
    """

    NONE = "none"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    INVALID = "invalid"
    FAILED = "failed"


class RunTrigger(StrEnum):
    """Why a model was asked."""

    BAR = "bar"
    INTERVAL = "interval"
    PRICE = "price"
    HAND = "hand"


class RunStatus(StrEnum):
    """`expired`: whoever began it was lost."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    FROZEN = "frozen"


class LedgerKind(StrEnum):
    """Why cash moved other than by a fill.

    `backstop`: what was left of a liquidated account went to the house. `bad_debt`: the house made up what it lacked.
    """

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    ADJUSTMENT = "adjustment"
    FUNDING = "funding"
    BACKSTOP = "backstop"
    BAD_DEBT = "bad_debt"
