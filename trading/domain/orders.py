"""Orders as the rules see them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from trading.domain.money import CONTEXT, ZERO
from trading.domain.values import replace

AVERAGE_PRICE_PLACES = Decimal("1e-10")


@dataclass(frozen=True)
class Order:
    """One order. `ref` is its id, or a negative number while its row is not written yet.

    `price` is the limit in USDC (for a market order the slippage cap that it was walked with). `size` is what was
    asked for, in units of the symbol.
    """

    ref: int
    symbol: str
    side: Side
    order_type: OrderType
    size: Decimal
    price: Decimal
    leverage: int
    created_at: datetime
    updated_at: datetime
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_order_id: str | None = None
    filled_size: Decimal = ZERO
    filled_notional: Decimal = ZERO
    status: OrderStatus = OrderStatus.OPEN
    reason: str = ""
    decision_ref: int | None = None
    """The decision that it followed from, by id or ref."""
    trigger_price: Decimal | None = None
    """The mark (USDC) at which a stop or take profit becomes live."""
    triggered_at: datetime | None = None
    parent_ref: int | None = None
    """The order that it protects, by id or ref: a `stop_loss` or `take_profit` that came with it."""
    awaits_parent: bool = False
    """Sleeps, whatever the mark does, until the order that it protects is filled."""
    whole_position: bool = False
    """Closes whatever the position is when it fires; `size` is what it was told to be last."""
    active_at: datetime | None = None
    """When it reaches the exchange, where orders take time to: until then it neither fills nor rests."""
    requeued_at: datetime | None = None
    """When a change put it at the end of its queue."""
    queue_ahead: Decimal = ZERO
    """What stood in the book at its price when it came to rest, and has to trade before it: units of the symbol."""
    body: str = ""
    """Fingerprint of the request that placed it: tells a retry from another order under the same client id."""

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.OPEN

    @property
    def is_active(self) -> bool:
        """Whether anything may still become of it: open, or waiting for its trigger."""
        return self.status in (OrderStatus.OPEN, OrderStatus.PENDING_TRIGGER)

    @property
    def queued_at(self) -> datetime:
        """Since when it stands in its queue, where it is open."""
        return self.requeued_at or self.triggered_at or self.created_at

    @property
    def remaining(self) -> Decimal:
        return self.size - self.filled_size

    @property
    def average_price(self) -> Decimal | None:
        """Average price of its fills in USDC, rounded to 10 decimals, None before the first."""
        return average_price(self.filled_size, self.filled_notional)

    def filled(self, size: Decimal, price: Decimal, now: datetime) -> "Order":
        """Return the order after a fill."""
        total = self.filled_size + size
        return replace(
            self,
            filled_size=total,
            filled_notional=self.filled_notional + size * price,
            status=OrderStatus.FILLED if total == self.size else self.status,
            updated_at=now,
        )

    def canceled(self, reason: str, now: datetime) -> "Order":
        return replace(self, status=OrderStatus.CANCELED, reason=reason, awaits_parent=False, updated_at=now)


def average_price(filled_size: Decimal, filled_notional: Decimal) -> Decimal | None:
    """Return the average price of fills in USDC, rounded to 10 decimals, None where there is none."""
    if not filled_size:
        return None
    return CONTEXT.divide(filled_notional, filled_size).quantize(AVERAGE_PRICE_PLACES, context=CONTEXT)
