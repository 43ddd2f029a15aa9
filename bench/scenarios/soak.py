"""Clients come, subscribe, trade, read and leave at random for a while: nothing may grow, and orders stay as quick."""

import random
import time

from bench.load.calls import percentile
from bench.load.frames import request
from bench.load.sockets import Client, Sockets
from bench.load.witness import witness
from bench.run import Run
from bench.servers.process import Server
from bench.watch import Watched, slope, watching

STEP_S = 0.005
ORDER_EVERY_S = 0.05
WARM_UP = 1 / 3
CHANNELS = ("trades", "positions", "orders", "model_chat", "asset_curve", "prices")


def soak(run: Run) -> None:
    plan = run.plan
    witnessed, *others = run.template.traded
    with run.serving("hyperoru") as servers, run.sockets() as sockets:
        for name, server in servers.items():
            with (
                witness(server.port, server.hello("trader"), "order", ORDER_EVERY_S, witnessed) as orders,
                watching(server) as watched,
            ):
                crowd = Crowd(sockets, server, others, plan.soak_clients)
                end = time.monotonic() + plan.soak
                while time.monotonic() < end:
                    crowd.step()
                    sockets.pump(STEP_S)
            _tell(run, name, orders.seen, watched)
            run.tell(f"  soak: {crowd.opened:,} connections came, {crowd.asked:,} requests were sent")


def _tell(run: Run, name: str, seen: list[tuple[float, float]], watched: Watched) -> None:
    third = len(seen) // 3
    for key, part in (("first", seen[:third]), ("last", seen[-third:])):
        if part:
            run.results.add(f"soak.{key}", name, percentile([took for _, took in part], 0.99) * 1000)
    rest = watched.later(WARM_UP)
    run.results.add("soak.rss", name, slope(rest.at, rest.rss) * 60 / 1e6)
    run.results.add("soak.files", name, slope(rest.at, rest.files) * 60)


class Crowd:
    """Clients that do something at random at each step; the same things in each run."""

    def __init__(self, sockets: Sockets, server: Server, accounts: list[int], size: int) -> None:
        self._sockets = sockets
        self._server = server
        self._accounts = accounts
        self._size = size
        self._random = random.Random(1)
        self._clients: list[Client] = []
        self.opened = 0
        self.asked = 0

    def step(self) -> None:
        if len(self._clients) < self._random.randrange(1, self._size + 1):
            self._clients += self._sockets.open(self._server.port, 1, self._server.hello("trader"))
            self.opened += 1
            return
        place = self._random.randrange(len(self._clients))
        client = self._clients[place]
        if client.closed or self._random.random() < 0.1:
            self._sockets.close([self._clients.pop(place)])
            return
        client.send(self._anything())
        self.asked += 1

    def _anything(self) -> bytes:
        account = self._random.choice(self._accounts)
        order = {"account_id": account, "symbol": self._random.choice(("BTC", "ETH"))}
        market = {"order_type": "market", "side": self._random.choice(("buy", "sell")), "size": "0.01"}
        resting = {"order_type": "limit", "side": "buy", "size": "0.01", "price": "1500"}
        return self._random.choice((
            request("subscribe", 1, channels=self._random.sample(CHANNELS, 3), account_id=account),
            request("subscribe", 1, channels=self._random.sample(CHANNELS, 3)),
            request("unsubscribe", 1),
            request("switch_account", 1, account_id=account),
            request("bootstrap", 1),
            request("get_snapshot", 1, account_id=account),
            request("place_order", 1, **order, **market),
            request("place_order", 1, **order, **resting),
            request("cancel_all_orders", 1, account_id=account),
        ))  # fmt: skip
