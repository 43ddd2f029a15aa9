"""Orders as the rules see them."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from trading.domain.money import CONTEXT, ZERO

AVERAGE_PRICE_PLACES = Decimal("1e-10")


@dataclass(frozen=True, slots=True)
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
    body: str = ""
    """Fingerprint of the request that placed it: tells a retry from another order under the same client id."""

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.OPEN

    @property
    def remaining(self) -> Decimal:
        return self.size - self.filled_size

    @property
    def average_price(self) -> Decimal | None:
        """Average price of its fills in USDC, rounded to 10 decimals, None before the first."""
        if not self.filled_size:
            return None
        return CONTEXT.divide(self.filled_notional, self.filled_size).quantize(AVERAGE_PRICE_PLACES, context=CONTEXT)

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
        return replace(self, status=OrderStatus.CANCELED, reason=reason, updated_at=now)
