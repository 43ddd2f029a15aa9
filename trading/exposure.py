"""Which accounts may have to be liquidated: all open positions in memory, looked at together at every price.

The table only chooses whom to ask; `Liquidate` decides exactly, on the account as it is then, and does nothing where
nothing is amiss. So it may err on the safe side (a band) but must not overlook anybody.

How old it may be: every fill and every movement of cash is a row of trades or of the ledger, and each look begins with
those that came since the last one, whoever wrote them. What has no such row (a leverage, a correction in the admin) is
seen at once where this process saved it; from other processes it is seen when its account is read again: `SLICE`
accounts are with every `SLICE_EVERY`th look, so that all are within ``accounts / SLICE * SLICE_EVERY`` looks.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Max, Q
from django.db.models.signals import post_save

from accounts.models import Account, LedgerEntry
from trading.domain.enums import MarginMode, PositionSide
from trading.domain.instruments import Instrument
from trading.domain.margin import maintenance_lines
from trading.domain.market import Market
from trading.models import Position, Trade
from trading.rows import Select

LOOK_BACK = 50
"""How many rows before the last one each look reads again."""
SLICE = 50
"""How many accounts are read again with every fourth look, whatever became of them."""
SLICE_EVERY = 4
BAND = 1e-6
"""What has up to this share of its notional more than its maintenance margin is asked too: floats are not exact."""
Array = Any


class Exposure:
    """The open positions of all accounts but the house. USDC; not thread-safe: the leading engine's own."""

    def __init__(self) -> None:
        self._slots: dict[int, tuple[list[int], list[int]]] = {}
        """account → its rows among the positions, and among the pools."""
        self._symbols: dict[str, int] = {}
        self._positions = _Table(size=float, entry=float, symbol=int, pool=int)
        self._pools = _Table(cash=float, account=int)
        self._trades, self._entries = _Tail(Trade), _Tail(LedgerEntry)
        self._next = self._looks = 0
        self._saved: set[int] = set()
        post_save.connect(self._note, sender=Position)
        self.load()

    def close(self) -> None:
        post_save.disconnect(self._note, sender=Position)

    def load(self) -> None:
        """Read every account that holds something or owes something."""
        self._trades.accounts()
        self._entries.accounts()
        held = Position.objects.filter(size__gt=0).order_by().values_list("account").distinct()
        self._read(Account.objects.filter(Q(pk__in=held) | Q(cash__lt=0)).values_list("pk", flat=True))

    def refresh(self) -> None:
        """Read again whoever traded or whose cash moved since the last time, and the next few of all the others."""
        moved = self._trades.accounts() | self._entries.accounts()
        saved, self._saved = self._saved, set()
        self._looks += 1
        moved |= saved
        if self._looks % SLICE_EVERY == 0:
            moved |= self._following()
        if moved:
            self._read(moved)

    def _following(self) -> set[int]:
        """Return the accounts whose turn it is to be read again."""
        following = Account.objects.filter(pk__gt=self._next).order_by("pk").values_list("pk", flat=True)[:SLICE]
        due = list(following)
        self._next = due[-1] if len(due) == SLICE else 0
        return set(due)

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
        wanted = sorted(set(ids))
        cash = dict(Account.objects.filter(pk__in=wanted, is_house=False).values_list("pk", "cash"))
        rows = (
            Position.objects.filter(account__in=wanted, size__gt=0)
            .order_by()
            .values_list("account", "instrument", "side", "size", "entry_notional", "margin_mode", "isolated_margin")
        )
        held: dict[int, list[tuple[Any, ...]]] = {}
        for account, *row in rows:
            held.setdefault(account, []).append(tuple(row))
        for account in wanted:
            self._put(account, cash.get(account), held.get(account, []))

    def _put(self, account: int, cash: Decimal | None, held: list[tuple[Any, ...]]) -> None:
        positions, pools = self._slots.pop(account, ((), ()))
        for row in positions:
            self._positions.free(row)
        for row in pools:
            self._pools.free(row)
        if cash is None or not (held or cash < 0):
            return
        alone = {symbol: own for symbol, *_, mode, own in held if mode == MarginMode.ISOLATED}
        cross = self._pools.add(cash=float(cash - sum(alone.values())), account=account)
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

    Rows may be committed out of the order of their numbers: each look goes back by some, and knows those it has seen.
    """

    def __init__(self, model: type[Trade] | type[LedgerEntry]) -> None:
        self._since = Select(model, "id", "account_id", where="id > %s")
        self._last = model._default_manager.aggregate(last=Max("pk"))["last"] or 0
        self._seen: set[int] = set()

    def accounts(self) -> set[int]:
        rows = self._since(self._last - LOOK_BACK)
        found = {account for pk, account in rows if pk not in self._seen}
        self._seen = {pk for pk, _ in rows}
        self._last = max(self._seen, default=self._last)
        return found


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
