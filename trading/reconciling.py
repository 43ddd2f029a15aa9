"""Comparing an account's rows with its history: read in pages, beside trading, without holding anybody up."""

from datetime import date
from decimal import Decimal
from time import monotonic
from typing import Any

from django.db.models import Q, Sum

from accounts.models import Account, LedgerEntry
from trading.domain.enums import FillQuality, LedgerKind, Liquidity, OrderStatus, PositionSide, Side
from trading.domain.fees import Volume
from trading.domain.positions import Position as PositionValue
from trading.domain.reconciling import Booked, Carried, Difference, Entry, Figures, Fill, Filled, Held, Replay, plain
from trading.models import DailyVolume, Order, Position, Trade
from trading.reading import read_snapshot

PAGE = 2_000
BETWEEN = (LedgerKind.BACKSTOP.value, LedgerKind.BAD_DEBT.value)
FINAL = (OrderStatus.FILLED.value, OrderStatus.CANCELED.value)
FILL_COLUMNS = (
    "pk",
    "instrument_id",
    "side",
    "price",
    "size",
    "fee",
    "pnl",
    "start_position",
    "liquidity",
    "fill_quality",
    "executed_at",
    "order_id",
    "order__account_id",
    "order__instrument_id",
    "order__side",
    "order__filled_size",
    "order__filled_notional",
    "order__status",
)
ORDER_COLUMNS = ("pk", "account_id", "instrument_id", "side", "filled_size", "filled_notional", "status")


class AccountCheck:
    """Replays one account's history, from its beginning or from where an earlier check stood; call `step` until done.

    Each step sees the database as of one moment; the rows are compared in the step that finds the history's end. Rows
    of an account are written under its lock, so what comes later has higher ids.
    """

    def __init__(self, account_id: int, carried: Carried | None = None, order_id: int = 0, page: int = PAGE) -> None:
        self.account_id = account_id
        self.from_zero = carried is None
        self.replay = Replay(carried)
        self.order_id = order_id
        """Up to which order they were looked at."""
        self.finished = False
        self._page = page
        self._all_orders = False

    @property
    def differences(self) -> int:
        return self.replay.differences

    @property
    def first(self) -> Difference | None:
        return self.replay.first

    def step(self, until: float | None = None) -> bool:
        """Go on until all is compared, or `until` (of the monotonic clock) has passed; tell whether it is finished."""
        with read_snapshot():
            all_fills = all_entries = False
            while not self.finished:
                replay, more = self.replay, False
                if not self._all_orders:
                    self._all_orders = self._look_at_orders()
                    more = not self._all_orders
                elif replay.wants_entries and not all_entries:
                    entries = self._entries()
                    replay.feed_entries(entries)
                    more = len(entries) == self._page
                    all_entries = not more
                elif replay.wants_fills and not all_fills:
                    fills = self._fills()
                    replay.feed_fills(fills)
                    more = len(fills) == self._page
                    all_fills = not more
                replay.advance(all_fills=all_fills, all_entries=all_entries)
                if all_fills and all_entries and replay.finished:
                    self._compare()
                    self.finished = True
                elif more and until is not None and monotonic() >= until:
                    break  # after a full page only: the ends of all must be seen at one moment
        return self.finished

    def _fills(self) -> list[Fill]:
        rows = Trade.objects.filter(account=self.account_id, pk__gt=self.replay.last_fill).order_by("pk")
        return [_fill(row) for row in rows.values_list(*FILL_COLUMNS)[: self._page]]

    def _entries(self) -> list[Entry]:
        rows = LedgerEntry.objects.filter(account=self.account_id, pk__gt=self.replay.last_entry).order_by("pk")
        columns = rows.values_list("pk", "kind", "amount", "balance", "created_at")
        return [Entry(*row) for row in columns[: self._page]]

    def _look_at_orders(self) -> bool:
        """Look at the next orders: what is filled must have trades, what is active is compared from now on."""
        rows = Order.objects.filter(account=self.account_id, pk__gt=self.order_id).order_by("pk")
        page = list(rows.values_list("pk", "filled_size", "status")[: self._page])
        claimed = {pk: size for pk, size, status in page if size and status in FINAL}
        traded = set(Trade.objects.filter(order__in=claimed).values_list("order_id", flat=True).distinct())
        for pk in sorted(claimed.keys() - traded):
            self.replay.tell("order.filled_size", pk, Decimal(0), claimed[pk])
        for pk, _, status in page:
            self.order_id = pk
            if status not in FINAL:
                self.replay.carried.orders.setdefault(pk, Filled())
        return len(page) < self._page

    def _compare(self) -> None:
        account = Account.objects.filter(pk=self.account_id).first()
        if account is None:
            return
        figures = Figures(account.pk, account.cash, account.day, account.day_net_deposits)
        positions = Position.objects.filter(account=account).order_by("pk")
        held = [Held(row.pk, row.to_domain()) for row in positions]
        orders = Order.objects.filter(pk__in=list(self.replay.carried.orders)).order_by("pk")
        volumes = DailyVolume.objects.filter(account=account, day__in=list(self.replay.carried.volumes))
        by_day = {day: Volume(taker, maker) for day, taker, maker in volumes.values_list("day", "taker", "maker")}
        self.replay.compare(figures, held, [_booked(row) for row in orders.values_list(*ORDER_COLUMNS)], by_day)


def venue_difference() -> Difference | None:
    """Return how far what went between the accounts and the house does not add up to nothing, None where it does.

    Cash of the ledger's kinds `backstop` and `bad_debt` first, then the sizes that went over, symbol by symbol.
    """
    with read_snapshot():
        cash = LedgerEntry.objects.filter(kind__in=BETWEEN).aggregate(total=Sum("amount"))["total"] or 0
        if cash:
            return Difference("ledger entries.between accounts and the house", None, "0", plain(cash))
        over = Trade.objects.filter(fill_quality=FillQuality.BACKSTOP).order_by("instrument")
        sums = over.values("instrument").annotate(
            bought=Sum("size", filter=Q(side=Side.BUY)), sold=Sum("size", filter=Q(side=Side.SELL))
        )
        for symbol, bought, sold in sums.values_list("instrument", "bought", "sold"):
            left = (bought or Decimal(0)) - (sold or Decimal(0))
            if left:
                return Difference(f"trades.{symbol} between accounts and the house", None, "0", plain(left))
    return None


def _fill(row: tuple[Any, ...]) -> Fill:
    pk, symbol, side, price, size, fee, pnl, start_position, liquidity, quality, at = row[:11]
    order = _booked(row[11:])
    return Fill(pk, symbol, Side(side), price, size, fee, pnl, start_position, Liquidity(liquidity), quality, at, order)


def _booked(row: tuple[Any, ...]) -> Booked:
    pk, account_id, symbol, side, filled_size, filled_notional, status = row
    return Booked(pk, account_id, symbol, side, filled_size, filled_notional, status not in FINAL)


def to_json(carried: Carried) -> dict[str, Any]:
    """Write down where a replay stood, exactly."""
    return {
        "cash": f"{carried.cash:f}",
        "positions": {
            symbol: [p.side.value, f"{p.size:f}", f"{p.entry_notional:f}", f"{p.realized_pnl:f}"]
            for symbol, p in carried.positions.items()
        },
        "orders": {str(pk): [f"{filled.size:f}", f"{filled.notional:f}"] for pk, filled in carried.orders.items()},
        "deposits": {day.isoformat(): f"{amount:f}" for day, amount in carried.deposits.items()},
        "late": {day.isoformat(): f"{amount:f}" for day, amount in carried.late.items()},
        "volumes": {day.isoformat(): [f"{v.taker:f}", f"{v.maker:f}"] for day, v in carried.volumes.items()},
    }


def from_json(fill_id: int, entry_id: int, value: dict[str, Any]) -> Carried:
    """Take up what `to_json` wrote down."""
    return Carried(
        fill_id,
        entry_id,
        Decimal(value["cash"]),
        {
            symbol: PositionValue(symbol, 1, PositionSide(side), Decimal(size), Decimal(entry), Decimal(realized))
            for symbol, (side, size, entry, realized) in value["positions"].items()
        },
        {int(pk): Filled(Decimal(size), Decimal(notional)) for pk, (size, notional) in value["orders"].items()},
        _by_day(value["deposits"]),
        _by_day(value["late"]),
        {date.fromisoformat(day): Volume(*map(Decimal, numbers)) for day, numbers in value["volumes"].items()},
    )


def _by_day(value: dict[str, str]) -> dict[date, Decimal]:
    return {date.fromisoformat(day): Decimal(amount) for day, amount in value.items()}
