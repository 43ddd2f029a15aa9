"""Orders of an account that traded little and of one that traded much. `python -m bench.inside.history`."""

from decimal import Decimal
from statistics import median
from time import perf_counter
from typing import Any

import django

from bench.inside import answer
from bench.inside.copies import copies, settle

ACCOUNTS = {"short": "Traded 1", "long": "Traded 2"}


def respond(do: str, **sizes: int) -> dict[str, Any]:
    return _fill(**sizes) if do == "fill" else _measure(**sizes)


def _fill(short: int, long: int) -> dict[str, Any]:
    """Give the two accounts so many trades, each with its own order."""
    from trading.models import Order, Trade

    for key, count in (("short", short), ("long", long)):
        _order(key, 0)
        order = Order.objects.get(account__name=ACCOUNTS[key])
        copies(order, count - 1)
        one = f"{Order._meta.db_table} AS each"
        trade = Trade.objects.get(order=order)
        among = f"(SELECT id FROM {one} WHERE account_id = {order.account_id} AND id <> {order.pk}) AS each"
        copies(trade, among, order_id="each.id")
    settle()
    return {key: Trade.objects.filter(account__name=name).count() for key, name in ACCOUNTS.items()}


def _measure(orders: int) -> dict[str, Any]:
    """Return the median milliseconds of an order of either account, by turns: decided, written and committed."""
    took: dict[str, list[float]] = {key: [] for key in ACCOUNTS}
    for number in range(1, orders + 1):
        for key in ACCOUNTS if number % 2 else reversed(ACCOUNTS):
            took[key].append(_order(key, number))
    return {key: median(values) for key, values in took.items()}


def _order(key: str, number: int) -> float:
    from accounts.models import Account
    from trading.desk import Done, Request, desk
    from trading.domain.commands import PlaceOrder
    from trading.domain.enums import Side

    account = Account.objects.values_list("pk", flat=True).get(name=ACCOUNTS[key])
    command = PlaceOrder("BTC", Side.SELL if number % 2 else Side.BUY, Decimal("0.001"))
    began = perf_counter()
    (done,) = desk.execute([Request(account, command)])
    took = (perf_counter() - began) * 1000
    if not isinstance(done, Done):
        raise done
    return took


if __name__ == "__main__":
    django.setup()
    answer(respond)
