"""What drives the models: when each runs, what each run asked and was answered, and the limits that its orders keep."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.fields import FixedPointField, MoneyField
from accounts.models import Account
from trading.domain.enums import RunStatus, RunTrigger
from trading.models.base import choices, known


class ModelSchedule(models.Model):
    """When an account's model is asked, besides each bar that closes. No row: never by time or price, nor paused.

    `every_s`: seconds between runs, NULL: not by time. `move_pct`: a mark's move, in percent since the last run, that
    starts one; NULL: none. `asked_at`: when somebody asked for a run by hand that has not begun yet. `last_marks`: the
    marks of the last run, by symbol, decimals as strings. `daily_usd`: what its runs may cost a UTC day, USD, NULL: as
    the settings say.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="schedule")
    paused = models.BooleanField(default=False)
    every_s = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    move_pct = FixedPointField(places=4, null=True, blank=True)
    daily_usd = MoneyField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_marks = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(every_s__isnull=True) | Q(every_s__gt=0), name="schedule_every_s_gt_0"),
            models.CheckConstraint(condition=Q(move_pct__isnull=True) | Q(move_pct__gt=0), name="schedule_move_gt_0"),
            models.CheckConstraint(
                condition=Q(daily_usd__isnull=True) | Q(daily_usd__gte=0), name="schedule_daily_usd_gte_0"
            ),
        ]

    def __str__(self) -> str:
        return f"schedule of {self.account_id}"


class ModelPause(models.Model):
    """All models are paused while the one row is there."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    since = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="model_pause_one_row")]

    def __str__(self) -> str:
        return f"all models paused since {self.since:%Y-%m-%d %H:%M}"


class ModelRun(models.Model):
    """One time that a model was asked. `cost` and `reserved` in USD, `latency_ms` of the endpoint's answer.

    `prompt_hash` is the SHA-256 of the prompt, `template` the version that it was written by; `raw_reply` is what came,
    whatever it was. A run that was begun and not ended belongs to `holder` until `expires_at`.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="model_runs")
    model = models.CharField(max_length=60)
    trigger = models.CharField(max_length=10, choices=choices(RunTrigger))
    status = models.CharField(max_length=10, choices=choices(RunStatus))
    error = models.TextField(blank=True)
    holder = models.CharField(max_length=100, blank=True, editable=False)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    endpoint = models.CharField(max_length=200, blank=True)
    llm = models.CharField("language model", max_length=120, blank=True)
    template = models.CharField(max_length=40, blank=True)
    prompt = models.TextField(blank=True)
    prompt_hash = models.CharField(max_length=64, blank=True)
    raw_reply = models.TextField(blank=True)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    reserved = MoneyField(default=Decimal(0))
    cost = MoneyField(default=Decimal(0))
    latency_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["account", "-id"], name="model_run_of_account")]
        constraints = [
            known("trigger", RunTrigger, "model_run_trigger_known"),
            known("status", RunStatus, "model_run_status_known"),
            models.UniqueConstraint(
                fields=["account"], condition=Q(status=RunStatus.RUNNING), name="model_run_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status=RunStatus.RUNNING, finished_at__isnull=True)
                | (~Q(status=RunStatus.RUNNING) & Q(finished_at__isnull=False)),
                name="model_run_finished_iff_not_running",
            ),
            models.CheckConstraint(condition=Q(cost__gte=0, reserved__gte=0), name="model_run_cost_gte_0"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.model} on {self.account_id}"


class RiskLimits(models.Model):
    """What orders that follow from decisions may do on an account; NULL: no such limit. No row: the defaults.

    Percentages of equity: `risk_pct` that one trade may lose at its stop, `daily_loss_pct` that a day may lose before
    nothing more is opened. Multiples of equity: `gross_exposure` of all positions, `symbol_exposure` of one.
    `cooldown_s` after a fill that lost, `max_age_s` and `max_drift_pct` of a decision until its order.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True, related_name="risk_limits")
    risk_pct = FixedPointField(places=4, null=True, blank=True)
    gross_exposure = FixedPointField(places=4, null=True, blank=True)
    symbol_exposure = FixedPointField(places=4, null=True, blank=True)
    max_leverage = models.PositiveSmallIntegerField(null=True, blank=True)
    daily_loss_pct = FixedPointField(places=4, null=True, blank=True)
    cooldown_s = models.PositiveIntegerField(null=True, blank=True)
    orders_per_hour = models.PositiveIntegerField(null=True, blank=True)
    max_age_s = models.PositiveIntegerField(null=True, blank=True)
    max_drift_pct = FixedPointField(places=4, null=True, blank=True)
    require_stop = models.BooleanField(default=False)
    min_reward_risk = FixedPointField(places=4, null=True, blank=True)

    class Meta:
        verbose_name_plural = "risk limits"
        constraints = [
            models.CheckConstraint(
                condition=Q(**{f"{name}__isnull": True}) | Q(**{f"{name}__gt": 0}), name=f"risk_limits_{name}_gt_0"
            )
            for name in (
                "risk_pct", "gross_exposure", "symbol_exposure", "max_leverage", "daily_loss_pct", "max_drift_pct",
                "min_reward_risk",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"risk limits of {self.account_id}"
