"""Orders that fill: each is committed before it is answered."""

from collections.abc import Callable, Sequence
from itertools import count, cycle

from bench.load.calls import Caller, call_for, percentile
from bench.load.frames import request
from bench.load.sockets import Client, Sockets
from bench.run import Run
from bench.servers.process import Server


def orders(run: Run) -> None:
    plan = run.plan
    with run.serving("hyperoru", "stock-redis") as servers, run.sockets() as sockets:
        accounts = run.template.traded
        callers = {name: traders(sockets, server, accounts, plan.traders) for name, server in servers.items()}
        for repeat in range(plan.repeats):
            for name in servers:
                _measure(run, sockets, name, "1", callers[name][:1])
                _measure(run, sockets, name, "many", callers[name])
            run.tell(f"  orders: repeat {repeat + 1} of {plan.repeats}")


def _measure(run: Run, sockets: Sockets, name: str, key: str, callers: list[Caller]) -> None:
    with run.watching_generator("orders"):
        called = call_for(sockets, callers, run.plan.seconds)
    run.results.add(f"orders.{key}", name, called.rate)
    run.results.add(f"orders.{key}.p50", name, percentile(called.latencies, 0.5) * 1000)
    run.results.add(f"orders.{key}.p99", name, percentile(called.latencies, 0.99) * 1000)


def traders(sockets: Sockets, server: Server, accounts: Sequence[int], number: int) -> list[Caller]:
    """Open connections that trade, spread evenly over accounts."""
    clients = sockets.open(server.port, number, server.hello("trader"))
    return [Caller(*each) for each in zip(clients, map(ordering, clients, cycle(accounts)), strict=False)]


def ordering(client: Client, account: int) -> Callable[[], bytes]:
    """Return what makes market orders of an account, a purchase and a sale by turns."""
    numbers = count()
    name = f"o{id(client):x}"

    def make() -> bytes:
        number = next(numbers)
        return request(
            "place_order", number, account_id=account, symbol="BTC", side="sell" if number % 2 else "buy",
            size="0.001", order_type="market", client_order_id=f"{name}-{number}",
        )  # fmt: skip

    return make
