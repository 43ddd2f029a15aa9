"""Models that are asked about a whole account at once, away from the engine: they may take their time, and fail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from trading.agents.base import AgentView
from trading.domain.commands import SubmitDecision
from trading.domain.enums import RunStatus, RunTrigger
from trading.domain.limits import RiskLimits
from trading.domain.orders import Order
from trading.domain.positions import Position


@dataclass(frozen=True, slots=True)
class HeldView:
    """An open position as the model sees it. USDC; `thesis` is the reasoning of the decision that opened it."""

    position: Position
    mark: Decimal
    liquidation_price: Decimal | None = None
    thesis: str | None = None
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as the exchange sees it at a moment (`at`, UTC), and the markets that its model trades.

    USDC, unrounded. `symbols` maps each symbol to its closed bars and figures. `decisions` are the last ones, oldest
    first, each with what became of it.
    """

    account_id: int
    at: datetime
    trigger: RunTrigger
    equity: Decimal
    cash: Decimal
    withdrawable: Decimal
    margin_used: Decimal
    daily_pnl: Decimal
    symbols: Mapping[str, AgentView]
    positions: Sequence[HeldView] = ()
    orders: Sequence[Order] = ()
    decisions: Sequence[str] = ()
    limits: RiskLimits = field(default_factory=RiskLimits)
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a model once: its decisions, one for each symbol, and how they came about.

    A run that failed has decisions to `hold`, of status `failed`, that say why. `cost` in USD.
    """

    decisions: tuple[SubmitDecision, ...]
    status: RunStatus = RunStatus.DONE
    error: str = ""
    endpoint: str = ""
    llm: str = ""
    template: str = ""
    prompt: str = ""
    prompt_hash: str = ""
    raw_reply: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    attempts: int = 0
    cost: Decimal = Decimal(0)
    latency_ms: int | None = None


class Asker(Protocol):
    """A model that is asked about a whole account. It may block: it has a thread to itself."""

    @property
    def name(self) -> str:
        """The name that it is registered by and signs its decisions with."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that it trades."""

    @property
    def bars_needed(self) -> int:
        """How many closed bars of each it looks at."""

    def most_cost(self, view: AccountView) -> Decimal:
        """Return the most that asking can cost, USD: what is reserved before it is asked."""

    def ask(self, view: AccountView) -> Asked:
        """Ask it. Never raises for what the endpoint does: that is in the result."""
