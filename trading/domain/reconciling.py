"""Recompute an account from its history: what its trades and its ledger say against what its rows say.

`Replay` takes the fills and the entries of an account in the order of their ids, a page at a time, and holds no more of
them than it has to: positions, the orders that are not finished, and what lies around the entry at hand.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import chain

from trading.domain.enums import FillQuality, LedgerKind, Liquidity, Side
from trading.domain.fees import TIERS, VOLUME_DAYS, FeeRates, Volume, fee, rates_for
from trading.domain.money import CONTEXT, ZERO
from trading.domain.positions import Position, apply_fill

SLACK = timedelta(seconds=60)
"""How far the times of two rows may contradict the order in which they were written: a batch looks at the clock first
and then waits for the account, at most this long and a good deal less."""
NO_DEPOSITS = (LedgerKind.FUNDING.value, LedgerKind.BACKSTOP.value, LedgerKind.BAD_DEBT.value)
"""Cash that moved but counts as the day's profit or loss, not as money brought or taken."""


@dataclass(frozen=True, slots=True)
class Booked:
    """What an order's row says of its fills. USDC; `is_active`: it may still fill."""

    id: int
    account_id: int
    symbol: str
    side: str
    filled_size: Decimal
    filled_notional: Decimal
    is_active: bool


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade's row. `pnl` is gross of the fee and None where the fill closed nothing; USDC."""

    id: int
    symbol: str
    side: Side
    price: Decimal
    size: Decimal
    fee: Decimal
    pnl: Decimal | None
    start_position: Decimal
    liquidity: Liquidity
    fill_quality: str
    at: datetime
    order: Booked

    @property
    def in_market(self) -> bool:
        """Whether it is a trade in the market: what the house takes over costs no fee and counts for no tier."""
        return self.fill_quality != FillQuality.BACKSTOP


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger entry's row: `balance` is the cash after it, USDC."""

    id: int
    kind: str
    amount: Decimal
    balance: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A position's row."""

    id: int
    position: Position


@dataclass(frozen=True, slots=True)
class Figures:
    """What the account's own row says, USDC."""

    id: int
    cash: Decimal
    day: date
    day_net_deposits: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what its history gives. `row` is the id of the row that has it, None where it is missing."""

    figure: str
    row: int | None
    expected: str
    found: str

    def __str__(self) -> str:
        where = "" if self.row is None else f" {self.row}"
        table, _, column = self.figure.partition(".")
        return f"{table}{where}, {column}: expected {self.expected}, found {self.found}"


@dataclass(slots=True)
class Filled:
    """What the fills of one order add up to so far."""

    size: Decimal = ZERO
    notional: Decimal = ZERO


@dataclass(slots=True)
class Carried:
    """Where a replay stands: enough to go on from there another day.

    `deposits`: what was deposited and withdrawn, by day, of the last two days that had any. `late`: as much of it as
    came in the day's last minute, which a batch that waited may have counted to the next. `volumes`: what was traded,
    by day, as far back as it counts for the fees of the last one.
    """

    fill_id: int = 0
    entry_id: int = 0
    cash: Decimal = ZERO
    positions: dict[str, Position] = field(default_factory=dict)
    orders: dict[int, Filled] = field(default_factory=dict)
    deposits: dict[date, Decimal] = field(default_factory=dict)
    late: dict[date, Decimal] = field(default_factory=dict)
    volumes: dict[date, Volume] = field(default_factory=dict)


class Replay:
    """Gives an account's history once more, from its beginning or from where an earlier replay stood.

    Feed it pages of fills and entries, `advance` after each, until `finished` and nothing more is to come; then
    `compare`. `first` is the first difference, `differences` counts them.
    """

    def __init__(self, carried: Carried | None = None) -> None:
        self.carried = carried or Carried()
        self.first: Difference | None = None
        self.differences = 0
        self.fills = 0
        self._fills: deque[Fill] = deque()
        self._entries: deque[Entry] = deque()
        self._day: date | None = None
        self._rates = FeeRates()
        self.last_fill = self.carried.fill_id
        self.last_entry = self.carried.entry_id
        """The ids up to which rows were fed, whether they were replayed yet or not."""

    @property
    def finished(self) -> bool:
        """Whether all that was fed was replayed."""
        return not self._fills and not self._entries

    @property
    def wants_fills(self) -> bool:
        """Whether it needs more fills to go on: those around the entry at hand."""
        if not self._entries:
            return not self._fills
        return not self._fills or self._fills[-1].at <= self._entries[0].at + SLACK

    @property
    def wants_entries(self) -> bool:
        """Whether it needs more entries to go on: a fill waits for all entries that may come before it."""
        return not self._entries

    def feed_fills(self, fills: Sequence[Fill]) -> None:
        if fills:
            self._fills.extend(fills)
            self.last_fill = fills[-1].id

    def feed_entries(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._entries.extend(entries)
            self.last_entry = entries[-1].id

    def advance(self, *, all_fills: bool, all_entries: bool) -> None:
        """Replay what can be: `all_fills` and `all_entries` tell that no more of them come."""
        with localcontext(CONTEXT):
            while self._entries:
                entry = self._entries[0]
                if self.carried.cash + entry.amount == entry.balance:
                    self._book(self._entries.popleft())
                elif self._fills and self._fills[0].at < entry.at - SLACK:
                    self._fill(self._fills.popleft())
                elif all_fills or not self.wants_fills:
                    self._place(self._entries.popleft())
                else:
                    break
            if not self._entries and all_entries:
                while self._fills:
                    self._fill(self._fills.popleft())

    def compare(
        self, account: Figures, held: Iterable[Held], orders: Iterable[Booked], volumes: Mapping[date, Volume]
    ) -> None:
        """Compare the rows with the replay's end, what tells the most of a cause first: orders, positions, sums.

        `orders` are those that it carries (`carried.orders`), `volumes` those of the days that it carries.
        """
        with localcontext(CONTEXT):
            self._compare_orders(orders)
            self._compare_positions(held)
            self._compare_account(account)
            for day, volume in self.carried.volumes.items():
                found = volumes.get(day, Volume())
                self._check(f"volume of {day}.taker", None, volume.taker, found.taker)
                self._check(f"volume of {day}.maker", None, volume.maker, found.maker)

    def tell(self, figure: str, row: int | None, expected: object, found: object) -> None:
        """Note a difference."""
        self.differences += 1
        if self.first is None:
            self.first = Difference(figure, row, plain(expected), plain(found))

    def _check(self, figure: str, row: int | None, expected: object, found: object) -> None:
        if expected != found:
            self.tell(figure, row, expected, found)

    def _place(self, entry: Entry) -> None:
        """Book an entry, after as many of the fills around it as its balance tells came before it.

        Both are written in the order of their ids, but one order for both is not kept: times may be equal, or even
        contradict it. The first place that gives the balance leaves most places to the entries that follow.
        """
        carried, before = self.carried, entry.balance - entry.amount
        cash, place, by_time, cash_by_time = carried.cash, None, 0, carried.cash
        for number, fill in enumerate(chain(self._fills, [None])):
            if cash == before:
                place = number
                break
            if fill is None or fill.at > entry.at + SLACK:
                break
            cash += (fill.pnl or ZERO) - fill.fee
            if fill.at <= entry.at:
                by_time, cash_by_time = number + 1, cash
        for _ in range(by_time if place is None else place):
            self._fill(self._fills.popleft())
        if place is None:
            self.tell("ledger entry.balance", entry.id, cash_by_time + entry.amount, entry.balance)
        self._book(entry)

    def _book(self, entry: Entry) -> None:
        self.carried.cash += entry.amount
        self.carried.entry_id = entry.id
        if entry.kind not in NO_DEPOSITS:
            self._deposit(entry)

    def _deposit(self, entry: Entry) -> None:
        day = max([entry.at.date(), *self.carried.deposits])  # an account's day never goes back
        for sums in (self.carried.deposits, self.carried.late):
            if sums is self.carried.late and (entry.at + SLACK).date() <= day:
                continue
            sums[day] = sums.get(day, ZERO) + entry.amount
            for old in sorted(sums)[:-2]:
                del sums[old]

    def _fill(self, fill: Fill) -> None:
        carried, order = self.carried, fill.order
        before = carried.positions.get(fill.symbol) or Position(fill.symbol, leverage=1)
        result = apply_fill(before, fill.side, fill.size, fill.price)
        self._check("trade.start_position", fill.id, before.signed_size, fill.start_position)
        self._check("trade.pnl", fill.id, result.closed_pnl, fill.pnl)
        self._check_fee(fill)
        self._check("trade.symbol", fill.id, order.symbol, fill.symbol)
        self._check("trade.side", fill.id, order.side, fill.side.value)
        carried.positions[fill.symbol] = result.position
        carried.cash += (result.closed_pnl or ZERO) - fill.fee
        carried.fill_id = fill.id
        self.fills += 1

        filled = carried.orders.setdefault(order.id, Filled())
        filled.size += fill.size
        filled.notional += fill.size * fill.price
        if not order.is_active and filled.size == order.filled_size:
            self._check("order.filled_notional", order.id, filled.notional, order.filled_notional)
            del carried.orders[order.id]

    def _check_fee(self, fill: Fill) -> None:
        """Check the fee against the tier that the volume of the days before earns, and count the fill's own."""
        if not fill.in_market:
            self._check("trade.fee", fill.id, ZERO, fill.fee)
            return
        day, volumes = fill.at.date(), self.carried.volumes
        if day != self._day:
            self._day = day
            for old in [each for each in volumes if each < day - timedelta(days=VOLUME_DAYS)]:
                del volumes[old]
            before = (volume.taker + volume.maker for each, volume in volumes.items() if each < day)
            self._rates = rates_for(sum(before, ZERO))
        expected = fee(fill.price, fill.size, self._rates.rate(fill.liquidity))
        if fill.fee != expected and not self._is_fee_at_midnight(fill):
            self.tell("trade.fee", fill.id, expected, fill.fee)
        volumes[day] = volumes.get(day, Volume()).plus(fill.price * fill.size, fill.liquidity)

    def _is_fee_at_midnight(self, fill: Fill) -> bool:
        """Tell whether it came around midnight, with the fee of another tier.

        A batch that looked at the clock and then waited may have found not yet, or already, what others counted.
        """
        if (fill.at - SLACK).date() == (fill.at + SLACK).date():
            return False
        return any(fill.fee == fee(fill.price, fill.size, tier.rates.rate(fill.liquidity)) for tier in TIERS)

    def _compare_account(self, account: Figures) -> None:
        self._check("account.cash", account.id, self.carried.cash, account.cash)
        deposited = self.carried.deposits.get(account.day, ZERO)
        late = self.carried.late.get(account.day - timedelta(days=1), ZERO)
        if account.day_net_deposits != deposited + late:
            self._check("account.day_net_deposits", account.id, deposited, account.day_net_deposits)

    def _compare_positions(self, held: Iterable[Held]) -> None:
        rest = dict(self.carried.positions)
        for row in held:
            found = row.position
            expected = rest.pop(found.symbol, None) or Position(found.symbol, leverage=1)
            if expected.is_open and found.is_open:
                self._check("position.side", row.id, expected.side.value, found.side.value)
            for name in ("size", "entry_notional", "realized_pnl"):
                self._check(f"position.{name}", row.id, getattr(expected, name), getattr(found, name))
            if not found.is_open:
                self._check("position.isolated_margin", row.id, ZERO, found.isolated_margin)
        for position in rest.values():
            self.tell(f"position.{position.symbol}", None, position.signed_size, "no row")

    def _compare_orders(self, orders: Iterable[Booked]) -> None:
        unseen = dict(self.carried.orders)
        for order in orders:
            filled = unseen.pop(order.id, None) or Filled()
            self._check("order.filled_size", order.id, filled.size, order.filled_size)
            self._check("order.filled_notional", order.id, filled.notional, order.filled_notional)
            if not order.is_active:
                self.carried.orders.pop(order.id, None)
        for order_id, filled in unseen.items():
            self.tell("order.filled_size", order_id, filled.size, "no row")


def plain(value: object) -> str:
    """Write a figure for people: without an exponent or zeros that say nothing."""
    if isinstance(value, Decimal):
        return f"{value.normalize(CONTEXT):f}"
    return "nothing" if value is None else str(value)
