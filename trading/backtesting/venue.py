"""One account on an exchange of its own, in memory: what the desk does with it, without writing anything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from trading.domain import triggers
from trading.domain.commands import Command, FireTrigger, Liquidate, MatchOrder
from trading.domain.decider import Accepted, Rejected, decide
from trading.domain.enums import FillQuality, LedgerKind, OrderStatus, Side
from trading.domain.equity import Day
from trading.domain.facts import CashMoved, DecisionRecorded, OrderChanged, TradeExecuted
from trading.domain.fees import VOLUME_DAYS, Volume, rates_for
from trading.domain.instruments import Instrument
from trading.domain.limits import DEFAULT_LIMITS, RiskLimits
from trading.domain.market import Market, Quote
from trading.domain.money import ZERO
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.queueing import reach
from trading.domain.state import AccountState
from trading.domain.values import replace
from trading.market.board import Board


@dataclass(frozen=True, slots=True)
class Terms:
    """How the exchange is set up; see the settings of the same names."""

    instruments: Mapping[str, Instrument]
    policies: Policies = field(default_factory=Policies)
    stale_after: timedelta = timedelta(seconds=15)
    refill: timedelta = timedelta(seconds=10)
    limits: RiskLimits = DEFAULT_LIMITS
    """The risk limits of the account."""


@dataclass(slots=True)
class Tally:
    """What happened. `funding` in USDC, positive where it was received; `orders` without those that were refused."""

    fills: list[TradeExecuted] = field(default_factory=list)
    decisions: int = 0
    orders: int = 0
    refused: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why orders were refused, and how often."""
    funding: Decimal = ZERO


class Venue:
    """Carries commands out on the account's state, in the order given, and forgets what no later one can need."""

    def __init__(self, terms: Terms, capital: Decimal, now: datetime) -> None:
        self.terms = terms
        self.tally = Tally()
        self.board = Board()
        # As an account is opened: its first day counts the capital as deposited.
        day = Day(now.date(), ZERO, capital, capital)
        self.state = AccountState(1, capital, day, limits=terms.limits)
        self._volumes: dict[date, Volume] = {}
        self._day: date | None = None

    def market(self, now: datetime) -> Market:
        return self.board.market(self.terms.instruments, self.terms.stale_after, now, self.terms.refill)

    def execute(self, commands: Sequence[Command], now: datetime) -> None:
        """Carry out commands that came together, on one view of the market."""
        if not commands:
            return
        if now.date() != self._day:
            self._roll(now.date())
        market = self.market(now)
        for command in commands:
            self._note(decide(self.state, command, market, now, self.terms.policies))
        self.board.keep(market)

    def tick(self, quote: Quote, now: datetime, *, may_lack_margin: bool) -> None:
        """Take a price and do what it brings about, as the engine does: triggers, resting orders, liquidation.

        `may_lack_margin`: whether the account is to be looked at for liquidation, as it may be near it.
        """
        self.board.put([quote])
        self.execute(self._fired(quote), now)
        if any(order.is_open for order in self.state.orders.values()):
            self.execute(self._reached(quote.symbol, now), now)
        if may_lack_margin:
            self.execute([Liquidate()], now)

    def let_in(self, now: datetime) -> None:
        """Let in the orders that were on their way until now."""
        arriving = [(o.active_at, -o.ref) for o in self.state.orders.values() if o.is_open and o.active_at is not None]
        self.execute([MatchOrder(-number) for at, number in sorted(arriving) if at <= now], now)

    def _fired(self, quote: Quote) -> list[FireTrigger]:
        """Return the triggers that the mark has reached, those first that it reached first."""
        fired = [
            order for order in self.state.orders.values() if waits(order, quote.symbol) and reached(order, quote.mark)
        ]
        beyond = {order.ref: abs(quote.mark - (order.trigger_price or ZERO)) for order in fired}
        fired.sort(key=lambda order: (-beyond[order.ref], order.created_at, -order.ref))
        return [FireTrigger(order.ref) for order in fired]

    def _reached(self, symbol: str, now: datetime) -> list[MatchOrder]:
        """Return the resting orders that the book crosses, best price first, then the oldest."""
        market = self.market(now)
        quote = market.quotes[symbol]
        lowest, highest = reach(market.book(quote), quote.trades)
        crossed = [
            order
            for order in self.state.orders.values()
            if order.is_open and order.symbol == symbol and order.active_at is None and _crosses(order, lowest, highest)
        ]
        crossed.sort(key=lambda o: (o.side, o.price if o.side is Side.SELL else -o.price, o.queued_at, -o.ref))
        return [MatchOrder(order.ref) for order in crossed]

    def _note(self, decided: Accepted | Rejected) -> None:
        if isinstance(decided, Rejected):
            self.tally.refused += 1
            self.tally.reasons[decided.error.reason or decided.error.code] += 1
            return
        tally = self.tally
        for fact in decided.facts:
            match fact:
                case TradeExecuted():
                    tally.fills.append(fact)
                    if fact.fill_quality is not FillQuality.BACKSTOP:
                        day = fact.at.date()
                        before = self._volumes.get(day, Volume())
                        self._volumes[day] = before.plus(fact.price * fact.size, fact.liquidity)
                case DecisionRecorded():
                    tally.decisions += 1
                    if fact.order_ref is None and fact.outcome.startswith("refused"):
                        tally.refused += 1
                        tally.reasons[fact.outcome.partition(":")[0].removeprefix("refused, ")] += 1
                case OrderChanged(created=True):
                    tally.orders += 1
                case CashMoved(kind=LedgerKind.FUNDING):
                    tally.funding += fact.amount
        active = {ref: order for ref, order in decided.state.orders.items() if order.is_active}
        self.state = replace(decided.state, orders=active, decisions={}, held_when_due={}, ledger_keys=frozenset[str]())

    def _roll(self, today: date) -> None:
        """Let a new day have the fee tier that the days before it earned."""
        self._day = today
        first = today - timedelta(days=VOLUME_DAYS)
        self._volumes = {day: volume for day, volume in self._volumes.items() if day >= first}
        before = (volume.taker + volume.maker for day, volume in self._volumes.items() if day < today)
        self.state = replace(self.state, fee_rates=rates_for(sum(before, ZERO)))


def waits(order: Order, symbol: str) -> bool:
    """Tell whether an order waits for a symbol's mark."""
    return order.symbol == symbol and order.status is OrderStatus.PENDING_TRIGGER and not order.awaits_parent


def reached(order: Order, mark: Decimal) -> bool:
    """Tell whether a mark fires an order that waits for it."""
    return order.trigger_price is not None and triggers.is_reached(
        order.side, order.order_type, order.trigger_price, mark
    )


def _crosses(order: Order, lowest: Decimal | None, highest: Decimal | None) -> bool:
    if order.side is Side.BUY:
        return lowest is not None and order.price >= lowest
    return highest is not None and order.price <= highest
