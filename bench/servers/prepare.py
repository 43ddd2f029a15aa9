"""Giving the watched account something to read: two positions and some resting orders."""

from bench.load.frames import request
from bench.load.sockets import Refused, Sockets
from bench.servers.hyperoru import Hyperoru
from bench.servers.template import Template

RESTING = 5


def trade_a_little(server: Hyperoru, template: Template) -> None:
    account = template.accounts["Watched"]
    orders = [
        {"symbol": "BTC", "side": "buy", "size": "0.25", "order_type": "market"},
        {"symbol": "ETH", "side": "sell", "size": "2.5", "order_type": "market"},
        *(
            {"symbol": "BTC", "side": "buy", "size": "0.01", "order_type": "limit", "price": str(50_000 + 100 * number)}
            for number in range(RESTING)
        ),
    ]
    sockets = Sockets()
    try:
        (client,) = sockets.open(server.port, 1, server.hello("crowd"))
        client.keep = True
        for order in orders:
            reply = sockets.call(client, request("place_order", "o", account_id=account, **order))
            if reply["type"] == "error":
                raise Refused(str(reply))
    finally:
        sockets.shut()
