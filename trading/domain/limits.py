"""The limits that orders which follow from decisions keep, whatever a model or its prompt says."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """None: no such limit.

    Percentages of equity: `risk_pct` that one trade may lose at its stop, `daily_loss_pct` that a day may lose before
    nothing more is opened. Multiples of equity: `gross_exposure` of all positions, `symbol_exposure` of one.
    `cooldown` after a fill that lost; `max_age` and `max_drift_pct` (of the mark) of a decision until its order.
    `require_stop`: an order that opens needs a stop loss; `min_reward_risk`: target's distance over the stop's.
    """

    risk_pct: Decimal | None = Decimal(5)
    gross_exposure: Decimal | None = Decimal(10)
    symbol_exposure: Decimal | None = Decimal(5)
    max_leverage: int | None = 20
    daily_loss_pct: Decimal | None = Decimal(20)
    cooldown: timedelta | None = None
    orders_per_hour: int | None = 60
    max_age: timedelta | None = timedelta(seconds=120)
    max_drift_pct: Decimal | None = Decimal(2)
    require_stop: bool = False
    min_reward_risk: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Conduct:
    """What an account's decisions did lately. `ordered_at`: when orders followed from decisions, within the last hour,
    oldest first; `lost_at`: when a fill lost last, None: not within any cooldown. UTC."""

    ordered_at: tuple[datetime, ...] = ()
    lost_at: datetime | None = None

    def ordered(self, now: datetime) -> "Conduct":
        """Return it after one more order followed from a decision."""
        return Conduct((*self.within_hour(now), now), self.lost_at)

    def lost(self, now: datetime) -> "Conduct":
        """Return it after a fill that lost."""
        return Conduct(self.ordered_at, now)

    def within_hour(self, now: datetime) -> tuple[datetime, ...]:
        """Return when orders followed from decisions within the hour before `now`; what is an hour old is out."""
        return tuple(at for at in self.ordered_at if at > now - HOUR)


DEFAULT_LIMITS = RiskLimits()
NO_CONDUCT = Conduct()
