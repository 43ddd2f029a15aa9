"""What an order would do: the messages that ask for it and tell it."""

from collections.abc import Mapping, Sequence

from realtime.protocol.messages import PlaceOrder, Reply
from realtime.protocol.numbers import Number


class PreviewOrder(PlaceOrder, frozen=True):
    """An order as `place_order` takes it, to be looked at only. It may have no size."""

    @classmethod
    def lacking(cls, given: Mapping[str, object]) -> Sequence[str]:
        """Nothing: without a size only what does not depend on it is told."""
        return ()


class OrderPreview(Reply, frozen=True, kw_only=True):
    """What the order would do now, and the account after it. Nothing was done."""

    notional: Number | None = None
    average_price: Number | None = None
    fee: Number | None = None
    fee_rate: Number
    margin_required: Number | None = None
    liquidation_price: Number | None = None
    withdrawable_after: Number | None = None
    leverage: int
    filled_size: Number | None = None
    resting_size: Number | None = None
    max_size: Number
    slippage_pct: Number | None = None
    fill_quality: str | None = None
    mark_price: Number
