"""A first bot: buys a little BTC when its price falls by 0.05 %, sells as much when it rises. See docs/first-bot.md."""

import asyncio
import json
import os
from contextlib import suppress

from websockets import ConnectionClosed, connect


def request(kind, **data):
    return json.dumps({"type": kind, "data": data})


async def main():
    places, account, base, order = {}, None, None, None
    async for socket in connect(os.environ.get("HYPERORU_URL", "ws://localhost:8080/ws")):  # again when it is lost
        with suppress(ConnectionClosed):
            await socket.send(request("connect", session_token=os.environ["HYPERORU_TOKEN"]))
            await socket.send(request("bootstrap"))
            if order:  # its answer was lost; its client_order_id keeps it from trading twice
                await socket.send(request("place_order", **order))
            async for text in socket:
                message = json.loads(text)
                kind, data = message["type"], message["data"]
                if "seq" in message:  # from here we resume
                    places[message["channel"]] = {"epoch": message["epoch"], "seq": message["seq"]}
                if kind == "bootstrap":  # places that we know from before go before those of now
                    account, places = data["account_id"], data["as_of"] | places
                    await socket.send(request("subscribe", channels=["trades", "prices"], resume=places))
                elif kind == "trade_update":
                    print("fill:", data["side"], data["size"], data["symbol"], "at", data["price"], flush=True)
                elif kind == "price_update" and data["symbol"] == "BTC" and not order:
                    price, base = data["mark_price"], base or data["mark_price"]
                    if abs(price / base - 1) >= 0.0005:
                        side, base = "buy" if price < base else "sell", price
                        order = {"account_id": account, "symbol": "BTC", "side": side, "order_type": "market"}
                        order |= {"size": 0.01, "client_order_id": f"first-bot-{data['timestamp']}"}
                        await socket.send(request("place_order", **order))
                elif kind == "error" and data["in_reply_to"] != "place_order":
                    raise SystemExit(data["message"])
                elif kind in ("place_order", "error"):
                    print("order:", data.get("status") or data["message"], flush=True)
                    order = None


asyncio.run(main())
