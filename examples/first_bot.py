"""A first bot: buys a little BTC when its price falls by 0.05 %, sells as much when it rises. See docs/first-bot.md."""

import asyncio
import json
import os
from contextlib import suppress

from websockets import ConnectionClosed, connect


def ask(kind, **data):
    return json.dumps({"type": kind, "data": data})


async def main():
    places, base, asked = {}, None, []  # asked: what has no answer yet
    async for socket in connect(os.environ.get("HYPERORU_URL", "ws://localhost:8080/ws")):  # again when it is lost
        with suppress(ConnectionClosed):
            # What was asked is asked again: its client id keeps it from being done twice.
            for text in (ask("connect", session_token=os.environ["HYPERORU_TOKEN"]), ask("bootstrap"), *asked):
                await socket.send(text)
            async for text in socket:
                message = json.loads(text)
                kind, data = message["type"], message["data"]
                if "seq" in message:  # from here we resume
                    places[message["channel"]] = {"epoch": message["epoch"], "seq": message["seq"]}
                if kind == "bootstrap":  # places that we know from before go before those of now
                    where, places = {"account_id": data["account_id"], "symbol": "BTC"}, data["as_of"] | places
                    await socket.send(ask("subscribe", channels=["trades", "prices"], resume=places))
                elif kind == "trade_update":
                    print("fill:", data["side"], data["size"], data["symbol"], "at", data["price"], flush=True)
                elif kind == "price_update" and data["symbol"] == "BTC" and not asked:
                    if abs((price := data["mark_price"]) / (base := base or price) - 1) >= 0.0005:
                        side, name = "buy" if price < base else "sell", f"first-bot-{data['timestamp']}"
                        said = {"decision": side, "reasoning": f"{base} became {price}", "client_decision_id": name}
                        asked, base = [ask("submit_decision", **where, **said)], price
                        await socket.send(*asked)
                elif kind == "submit_decision":  # an order may follow from it now
                    order = where | {"side": side, "size": 0.01, "order_type": "market", "client_order_id": name}
                    asked = [ask("place_order", **order, decision_id=data["decision_id"])]
                    await socket.send(*asked)
                elif kind == "error" and data["in_reply_to"] in ("connect", "bootstrap", "subscribe"):
                    return data["message"]
                elif kind in ("place_order", "error"):
                    print("order:", data.get("status") or data["message"], flush=True)
                    asked = []


raise SystemExit(asyncio.run(main()))
