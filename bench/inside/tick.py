"""A tick of the engine over many positions, resting orders and triggers. `python -m bench.inside.tick`."""

from datetime import timedelta
from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

import django
from django.utils import timezone

from bench.inside import answer
from bench.inside.copies import copies, settle

MARK = 68_500
BAND = 100
"""How far, in USDC, those resting orders are apart that one tick crosses and the next one does."""
FIRST = 1_000_000
"""The id before that of the first copied account."""
UNITS = f"CAST({10**6} AS bigint)"
"""Of a price, in one USDC."""


class Venue:
    """A venue with many accounts, and the engine that leads on it."""

    def __init__(self) -> None:
        from trading.desk import desk
        from trading.engine import Engine

        self._engine = Engine(desk)
        self._band = 0

    def respond(self, do: str, **sizes: int) -> dict[str, Any]:
        return self._fill(**sizes) if do == "fill" else self._measure(**sizes)

    def _fill(self, positions: int, resting: int, triggers: int, crossing: int, bands: int) -> dict[str, Any]:
        """Give each of so many accounts a position, and spread the orders over them evenly.

        The first orders are purchases in bands below the mark, `crossing` in each; the others are far away.
        """
        from accounts.models import Account
        from trading.models import Order, Position

        model = Account.objects.get(name="Traded 1")
        held, bought, stop, profit = self._one_of_each(model.pk)
        copies(model, positions, id=f"{FIRST} + each.n", name="'Copy ' || each.n")
        copies(Position.objects.get(pk=held), positions, account_id=f"{FIRST} + each.n")
        account = f"{FIRST} + 1 + each.n % {positions}"
        near = crossing * bands
        far = f"CASE each.n % 2 WHEN 0 THEN {MARK} / 2 ELSE {MARK} + {MARK} / 2 END + each.n % 9000"
        price = (
            f"CASE WHEN each.n <= {near} THEN {MARK} - {BAND} * ((each.n + {crossing} - 1) / {crossing}) ELSE {far} END"
        )
        side = f"CASE WHEN each.n > {near} AND each.n % 2 = 1 THEN 'sell' ELSE 'buy' END"
        copies(Order.objects.get(pk=bought), resting, account_id=account, price=f"({price}) * {UNITS}", side=side)
        for pk, start in ((stop, MARK // 4), (profit, 2 * MARK)):
            trigger = f"({start} + each.n % 9000) * {UNITS}"
            copies(Order.objects.get(pk=pk), triggers // 2, account_id=account, trigger_price=trigger)
        settle()
        self._engine.step(timezone.now())
        self._tick(Decimal(MARK))
        return {"leads": self._engine.leads}

    def _one_of_each(self, account: int) -> list[int]:
        """Open a position and place an order of each kind; return the ids of their rows."""
        from trading.desk import Done, Request, desk
        from trading.domain.commands import PlaceOrder
        from trading.domain.enums import OrderType, Side
        from trading.models import Position

        size, low, high = Decimal("0.01"), Decimal(MARK // 4), Decimal(2 * MARK)
        placed = [
            PlaceOrder("BTC", Side.BUY, size),
            PlaceOrder("BTC", Side.BUY, Decimal("0.001"), OrderType.LIMIT, Decimal(MARK // 2)),
            PlaceOrder("BTC", Side.SELL, size, OrderType.STOP_MARKET, reduce_only=True, trigger_price=low),
            PlaceOrder("BTC", Side.SELL, size, OrderType.TAKE_PROFIT_MARKET, reduce_only=True, trigger_price=high),
        ]
        done = desk.execute([Request(account, each) for each in placed])
        orders = [each.orders[0].ref for each in done if isinstance(each, Done)]
        return [Position.objects.get(account=account, instrument="BTC").pk, *orders[1:]]

    def _measure(self, ticks: int) -> dict[str, Any]:
        """Measure ticks that cross nothing, then one that crosses a band; milliseconds."""
        from trading.models import Trade

        base = Decimal(MARK - BAND * self._band)
        none = median(self._tick(base - 20 - number % 2) for number in range(ticks))
        self._band += 1
        before = Trade.objects.count()
        crossing = self._tick(base - BAND - 10)
        return {"none": none, "crossing": crossing, "filled": Trade.objects.count() - before}

    def _tick(self, mark: Decimal) -> float:
        from trading.domain.market import Quote
        from trading.market.board import board

        now = timezone.now()
        # The other market has a price too, as it would with a feed.
        board.put([Quote("ETH", Decimal(3_500), now, expires=False)])
        began = perf_counter()
        self._engine.tick(Quote("BTC", mark, now + timedelta(microseconds=1), expires=False))
        return (perf_counter() - began) * 1000


if __name__ == "__main__":
    django.setup()
    answer(Venue().respond)
