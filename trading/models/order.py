from django.db import models
from django.db.models import F, Q

from accounts.fields import MoneyField, PriceField, SizeField
from trading.domain import orders
from trading.domain.enums import OrderStatus, OrderType, Side, TimeInForce
from trading.models.base import AccountRow, choices, known
from trading.models.decision import ModelDecision
from trading.models.instrument import Instrument

ACTIVE = Q(status__in=[OrderStatus.OPEN.value, OrderStatus.PENDING_TRIGGER.value])


class Order(AccountRow):
    """An order that was admitted. Refused ones leave no row: nothing was done.

    `price` is the limit in USDC, for a market order the slippage cap that it walked the book with. `filled_notional`
    is the sum of price × size over its fills. `body` is the fingerprint of the request: the same `client_order_id`
    with the same body is a retry.
    """

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    decision = models.ForeignKey(
        ModelDecision, on_delete=models.PROTECT, null=True, blank=True, related_name="orders", db_index=False
    )
    client_order_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001  (NULLs are not unique)
    side = models.CharField(max_length=4, choices=choices(Side))
    order_type = models.CharField(max_length=20, choices=choices(OrderType))
    time_in_force = models.CharField(max_length=3, choices=choices(TimeInForce))
    size = SizeField()
    price = PriceField()
    leverage = models.PositiveSmallIntegerField()
    reduce_only = models.BooleanField(default=False)
    filled_size = SizeField(default=0)
    filled_notional = MoneyField(default=0)
    status = models.CharField(max_length=20, choices=choices(OrderStatus))
    reason = models.CharField(max_length=60, blank=True)
    trigger_price = PriceField(null=True, blank=True)
    triggered_at = models.DateTimeField(null=True, blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", db_index=False
    )
    awaits_parent = models.BooleanField(default=False)
    whole_position = models.BooleanField(default=False)
    active_at = models.DateTimeField(null=True, blank=True)
    requeued_at = models.DateTimeField(null=True, blank=True)
    queue_ahead = SizeField(default=0)
    body = models.CharField(max_length=64, blank=True, editable=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "status", "-id"], name="order_of_account_by_status"),
            models.Index(fields=["account", "instrument", "-id"], name="order_of_account_by_symbol"),
            models.Index(fields=["account"], condition=ACTIVE, name="order_active_of_account"),
            models.Index(fields=["decision"], condition=Q(decision__isnull=False), name="order_of_decision"),
            models.Index(
                fields=["account", "created_at"],
                condition=Q(decision__isnull=False, parent__isnull=True),
                name="order_by_decision_of_account",
            ),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="order_of_parent"),
            models.Index(
                fields=["instrument", "side", "order_type", "trigger_price"],
                condition=Q(status=OrderStatus.PENDING_TRIGGER, awaits_parent=False),
                name="order_pending_by_trigger",
            ),
            models.Index(
                fields=["active_at"],
                condition=Q(status=OrderStatus.OPEN, active_at__isnull=False),
                name="order_on_its_way",
            ),
            models.Index(
                fields=["instrument", "side", "price"], condition=Q(status=OrderStatus.OPEN), name="order_open_by_price"
            ),
        ]
        constraints = [
            known("side", Side, "order_side_known"),
            known("order_type", OrderType, "order_type_known"),
            known("time_in_force", TimeInForce, "order_time_in_force_known"),
            known("status", OrderStatus, "order_status_known"),
            models.UniqueConstraint(fields=["account", "client_order_id"], name="client_order_id_unique"),
            models.CheckConstraint(condition=Q(size__gt=0), name="order_size_gt_0"),
            models.CheckConstraint(condition=Q(price__gt=0), name="order_price_gt_0"),
            models.CheckConstraint(condition=Q(leverage__gte=1), name="order_leverage_gte_1"),
            models.CheckConstraint(
                condition=Q(order_type__in=["market", "limit"], trigger_price__isnull=True)
                | (~Q(order_type__in=["market", "limit"]) & Q(trigger_price__gt=0)),
                name="order_trigger_price_iff_trigger",
            ),
            models.CheckConstraint(
                condition=~Q(status=OrderStatus.PENDING_TRIGGER)
                | (~Q(order_type__in=["market", "limit"]) & Q(filled_size=0, triggered_at__isnull=True)),
                name="order_pending_never_filled",
            ),
            models.CheckConstraint(
                condition=Q(awaits_parent=False) | Q(parent__isnull=False), name="order_awaits_only_its_parent"
            ),
            models.CheckConstraint(condition=Q(queue_ahead__gte=0), name="order_queue_ahead_gte_0"),
            models.CheckConstraint(
                condition=Q(filled_size__gte=0, filled_size__lte=F("size")), name="order_filled_0_to_size"
            ),
            models.CheckConstraint(
                condition=(Q(status=OrderStatus.FILLED) & Q(filled_size=F("size")))
                | (~Q(status=OrderStatus.FILLED) & Q(filled_size__lt=F("size"))),
                name="order_filled_iff_all_filled",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.side} {self.size} {self.instrument_id}"

    def to_domain(self) -> orders.Order:
        return orders.Order(
            ref=self.pk,
            symbol=self.instrument_id,
            side=Side(self.side),
            order_type=OrderType(self.order_type),
            size=self.size,
            price=self.price,
            leverage=self.leverage,
            created_at=self.created_at,
            updated_at=self.updated_at,
            time_in_force=TimeInForce(self.time_in_force),
            reduce_only=self.reduce_only,
            client_order_id=self.client_order_id,
            filled_size=self.filled_size,
            filled_notional=self.filled_notional,
            status=OrderStatus(self.status),
            reason=self.reason,
            decision_ref=self.decision_id,
            trigger_price=self.trigger_price,
            triggered_at=self.triggered_at,
            parent_ref=self.parent_id,
            awaits_parent=self.awaits_parent,
            whole_position=self.whole_position,
            active_at=self.active_at,
            requeued_at=self.requeued_at,
            queue_ahead=self.queue_ahead,
            body=self.body,
        )
