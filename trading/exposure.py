"""Which accounts may have to be liquidated: all open positions in memory, looked at together at every price.

The table only chooses whom to ask; `Liquidate` decides exactly, on the account as it is then, and does nothing where
nothing is amiss. So it may err on the safe side (a band) but must not overlook anybody.

How old it may be: every fill and every movement of cash is a row of trades or of the ledger, an isolated position's
leverage changes by a new order, and each look begins with the rows of these that came since the last one, whoever wrote
them. A correction of a position in the admin is in the audit trail, which every `SLICE_EVERY`th look goes on with. What
went past all of these (a statement by hand) is seen when its account is read again: `SLICE` accounts are with every
`SLICE_EVERY`th look, so that all are within ``accounts / SLICE * SLICE_EVERY`` looks.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from operator import or_
from time import monotonic
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max, Model, Q
from django.db.models.signals import post_save

from accounts.models import Account, AuditEntry, LedgerEntry
from trading.domain.enums import MarginMode, PositionSide
from trading.domain.instruments import Instrument
from trading.domain.margin import maintenance_lines
from trading.domain.market import Market
from trading.models import Order, Position, Trade
from trading.rows import Select

LOOK_BACK = 1_000
"""How many rows before the last one the first look reads: some of before may not be committed yet."""
LONGEST_BATCH_S = 60.0
"""How long a number that was passed over is waited for."""
MOST_GAPS = 50
CHUNK = 5_000
"""How many accounts one statement asks for: databases take only so many parameters."""
SLICE = 50
"""How many accounts are read again with every fourth look, whatever became of them."""
SLICE_EVERY = 4
BAND = 1e-6
"""What has up to this share of its notional more than its maintenance margin is asked too: floats are not exact."""
Array = Any
_cash = Select(Account, "id", "cash", where="id {numbers} AND NOT is_house")
_held = Select(
    Position, "account_id", "instrument_id", "side", "size", "entry_notional", "margin_mode", "isolated_margin",
    where="account_id {numbers} AND size > 0",
)  # fmt: skip
_following = Select(Account, "id", where=f"id > %s ORDER BY id LIMIT {SLICE}")


class Exposure:
    """The open positions of all accounts but the house. USDC; not thread-safe: the leading engine's own."""

    def __init__(self) -> None:
        self._slots: dict[int, tuple[list[int], list[int]]] = {}
        """account → its rows among the positions, and among the pools."""
        self._symbols: dict[str, int] = {}
        self._positions = _Table(size=float, entry=float, symbol=int, pool=int)
        self._pools = _Table(cash=float, account=int)
        self._trades, self._entries = _Tail(Trade), _Tail(LedgerEntry)
        self._audits = _Tail(AuditEntry, "target")
        self._isolated: set[int] = set()
        """The accounts that hold isolated positions: an order may change the leverage of these without a fill."""
        self._orders: _Tail | None = None
        """Looked at while there are any."""
        self._next = self._looks = 0
        self._saved: set[int] = set()
        post_save.connect(self._note, sender=Position)
        self.load()

    def close(self) -> None:
        post_save.disconnect(self._note, sender=Position)

    def load(self) -> None:
        """Read every account that holds something or owes something."""
        for tail in (self._trades, self._entries, self._audits):
            tail.news()
        held = Position.objects.filter(size__gt=0).order_by().values_list("account").distinct()
        self._read(Account.objects.filter(Q(pk__in=held) | Q(cash__lt=0)).values_list("pk", flat=True))

    def refresh(self) -> None:
        """Read again whoever traded or whose cash moved since the last time, and the next few of all the others."""
        moved = self._trades.news() | self._entries.news()
        if self._orders is not None:
            moved |= self._orders.news() & self._isolated
        saved, self._saved = self._saved, set()
        self._looks += 1
        moved |= saved
        if self._looks % SLICE_EVERY == 0:
            moved |= self._following() | self._corrected()
        if moved:
            self._read(moved)

    def _following(self) -> set[int]:
        """Return the accounts whose turn it is to be read again."""
        due = [pk for (pk,) in _following(self._next)]
        self._next = due[-1] if len(due) == SLICE else 0
        return set(due)

    def _corrected(self) -> set[int]:
        """Return the accounts whose positions were corrected in the admin."""
        targets = (target.partition(":") for target in self._audits.news())
        positions = [int(number) for kind, _, number in targets if kind == "position"]
        return set(Position.objects.filter(pk__in=positions).values_list("account", flat=True)) if positions else set()

    def near(self, market: Market) -> list[int]:
        """Return the accounts, by id, of which something is worth less than its maintenance margin or little more."""
        positions, pools = self._positions, self._pools
        if not pools.used:
            return []
        marks, rates, deductions = self._of_symbols(market)
        size, entry, symbol = positions["size"], positions["entry"], positions["symbol"]
        mark = marks[symbol]
        worth = np.where(np.isnan(mark), entry, size * mark)  # never priced: at its entry, as everywhere
        notional = np.abs(worth)
        # Maintenance is convex in the notional: of the tiers' lines the highest is the one that counts.
        needed = np.max(notional[:, None] * rates[symbol] - deductions[symbol], axis=1)
        pool = positions["pool"]
        value = pools["cash"] + np.bincount(pool, worth - entry, minlength=pools.used)
        least = np.bincount(pool, needed + BAND * notional, minlength=pools.used)
        return np.unique(pools["account"][value < least]).tolist()

    def _note(self, instance: Position, **kwargs: object) -> None:
        account = instance.account_id
        transaction.on_commit(lambda: self._saved.add(account))

    def _read(self, ids: Iterable[int]) -> None:
        every = sorted(set(ids))
        for first in range(0, len(every), CHUNK):
            self._read_chunk(every[first : first + CHUNK])
        if not self._isolated:
            self._orders = None
        elif self._orders is None:
            self._orders = _Tail(Order)

    def _read_chunk(self, wanted: Sequence[int]) -> None:
        cash: dict[int, Decimal] = dict(_cash(wanted))
        held: dict[int, list[tuple[Any, ...]]] = {}
        for account, *row in _held(wanted):
            held.setdefault(account, []).append(tuple(row))
        for account in wanted:
            self._put(account, cash.get(account), held.get(account, []))

    def _put(self, account: int, cash: Decimal | None, held: list[tuple[Any, ...]]) -> None:
        positions, pools = self._slots.pop(account, ((), ()))
        for row in positions:
            self._positions.free(row)
        for row in pools:
            self._pools.free(row)
        self._isolated.discard(account)
        if cash is None or not (held or cash < 0):
            return
        alone = {symbol: own for symbol, *_, mode, own in held if mode == MarginMode.ISOLATED}
        cross = self._pools.add(cash=float(cash - sum(alone.values())), account=account)
        if alone:
            self._isolated.add(account)
        own = {symbol: self._pools.add(cash=float(margin), account=account) for symbol, margin in alone.items()}
        taken = []
        for symbol, side, size, entry, *_ in held:
            sign = 1 if side == PositionSide.LONG else -1
            number = self._symbols.setdefault(symbol, len(self._symbols))
            taken.append(
                self._positions.add(
                    size=sign * float(size), entry=sign * float(entry), symbol=number, pool=own.get(symbol, cross)
                )
            )
        self._slots[account] = (taken, [cross, *own.values()])

    def _of_symbols(self, market: Market) -> tuple[Array, Array, Array]:
        """Return by symbol its mark, and by symbol and tier the maintenance rate and deduction."""
        known: Mapping[str, Instrument] = market.instruments
        lines = [maintenance_lines(known[s].tiers) if s in known else [] for s in self._symbols] or [[]]
        width = max(1, *(len(each) for each in lines)) if lines else 1
        rates, deductions = np.zeros((len(lines), width)), np.zeros((len(lines), width))
        for number, tiers in enumerate(lines):
            for place, (_, rate, deduction) in enumerate(tiers):
                rates[number, place], deductions[number, place] = float(rate), float(deduction)
            if tiers:  # a line that is there already, where a symbol has fewer tiers than another
                rates[number, len(tiers) :], deductions[number, len(tiers) :] = rates[number, 0], deductions[number, 0]
        quotes = (market.quotes.get(symbol) for symbol in self._symbols)
        marks = [np.nan if quote is None else float(quote.mark) for quote in quotes]
        return np.array(marks or [np.nan]), rates, deductions


class _Tail:
    """The end of a table that only grows: whose rows are new since the last look.

    Numbers are given before rows are committed: a batch may come after others with higher ones. So each look also asks
    for the numbers that were passed over, as long as somebody may still commit them (a transaction that was rolled back
    never does).
    """

    def __init__(self, model: type[Model], column: str = "account_id") -> None:
        """Tell `column` of each new row."""
        self._since = Select(model, "id", column, where="id > %s")
        self._passed_over = model._default_manager.order_by("pk").values_list("pk", column)
        last = model._default_manager.aggregate(last=Max("pk"))["last"] or 0
        self._last = max(0, last - LOOK_BACK)
        self._gaps: list[tuple[int, int, float]] = []
        """First and last number of those passed over, and when that was noticed (s, of the monotonic clock)."""

    def news(self) -> set[Any]:
        rows = self._since(self._last)
        if self._gaps:
            wanted = [Q(pk__range=(first, last)) for first, last, _ in self._gaps]
            rows += self._passed_over.filter(reduce(or_, wanted))
        self._pass(sorted(pk for pk, _ in rows))
        return {told for _, told in rows}

    def _pass(self, numbers: Sequence[int]) -> None:
        """Note which numbers up to the last one have not come yet."""
        now = monotonic()
        last = max(self._last, numbers[-1] if numbers else 0)
        open_ = [gap for gap in self._gaps if now - gap[2] < LONGEST_BATCH_S]
        if last > self._last:
            open_.append((self._last + 1, last, now))
        self._gaps, self._last = [], last
        for first, end, since in open_:
            for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, end)]:
                if number > first:
                    self._gaps.append((first, number - 1, since))
                first = number + 1
            if first <= end:
                self._gaps.append((first, end, since))
        if len(self._gaps) > MOST_GAPS:  # rows between them are read again, which does no harm
            self._gaps = [(self._gaps[0][0], self._gaps[-1][1], self._gaps[-1][2])]


class _Table:
    """Columns of numbers whose rows are used again. A free row is all zeros: it holds nothing and needs nothing."""

    def __init__(self, **columns: type) -> None:
        self.used = 0
        self._free: list[int] = []
        self._columns: dict[str, Array] = {name: np.zeros(64, dtype=kind) for name, kind in columns.items()}

    def __getitem__(self, name: str) -> Array:
        return self._columns[name][: self.used]

    def add(self, **values: float) -> int:
        if self._free:
            row = self._free.pop()
        else:
            row, self.used = self.used, self.used + 1
            if row == len(next(iter(self._columns.values()))):
                self._columns = {name: np.concatenate([c, np.zeros_like(c)]) for name, c in self._columns.items()}
        for name, value in values.items():
            self._columns[name][row] = value
        return row

    def free(self, row: int) -> None:
        for column in self._columns.values():
            column[row] = 0
        self._free.append(row)
