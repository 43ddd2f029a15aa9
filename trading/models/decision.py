from django.db import models

from accounts.fields import FixedPointField, PriceField
from trading.domain.enums import Action, DecisionStatus
from trading.models.base import AccountRow, choices, known
from trading.models.instrument import Instrument
from trading.models.modeling import ModelRun

UNKNOWN = -1
NOT_HOLD = "NOT (t.decision = 'hold')"
"""The condition of the index `decision_but_hold_of_account`, of rows called `t`."""


class ModelDecision(AccountRow):
    """What a model decided and why. `outcome` tells what became of it; `confidence` is a fraction from 0 to 1.

    `mark` (USDC) and `decided_at` tell what it was decided on, `run` where the model was asked and what it replied.
    `client_decision_id` is unique for the account for ever: the same decision is never carried out twice.
    """

    order_id_at_save: int | None = UNKNOWN
    """The order that the desk placed with it (None: none), known while it announces the row."""

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+", db_index=False)
    model = models.CharField(max_length=60)
    decision = models.CharField(max_length=5, choices=choices(Action))
    reasoning = models.TextField()
    confidence = FixedPointField(places=4, null=True, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=choices(DecisionStatus), default=DecisionStatus.NONE)
    outcome = models.TextField(blank=True)
    run = models.ForeignKey(ModelRun, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions")
    decided_at = models.DateTimeField(null=True, blank=True)
    mark = PriceField(null=True, blank=True)
    client_decision_id = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001  (NULLs are not unique)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "-id"], name="decision_of_account"),
            models.Index(fields=["account", "instrument", "-id"], name="decision_of_account_by_symbol"),
            models.Index(
                fields=["account", "-id"],
                condition=~models.Q(decision=Action.HOLD.value),
                name="decision_but_hold_of_account",
            ),
        ]
        constraints = [
            known("decision", Action, "decision_known"),
            known("status", DecisionStatus, "decision_status_known"),
            models.UniqueConstraint(fields=["account", "client_decision_id"], name="client_decision_id_unique"),
            models.CheckConstraint(
                condition=models.Q(confidence__isnull=True) | models.Q(confidence__gte=0, confidence__lte=1),
                name="decision_confidence_0_to_1",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """The id that clients see, as in ``dec-001``."""
        return public_decision_id(self.pk)

    def first_order_id(self) -> int | None:
        """Return the id of the order that followed from the decision, if one did."""
        if self.order_id_at_save != UNKNOWN:
            return self.order_id_at_save
        return self.orders.order_by("id").values_list("id", flat=True).first()


def public_decision_id(pk: int) -> str:
    return f"dec-{pk:03d}"


def decision_key(public_id: str) -> int:
    """Return the primary key that a public id, as in ``dec-001``, stands for."""
    return int(public_id.removeprefix("dec-"))
