"""The stock consumer: one group member for each connection, handlers that send JSON, ORM work in a thread."""

from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.utils import timezone

from bench.event import event
from bench.stock import work

GROUP = "orders"
EVENT = event()


class StockConsumer(AsyncJsonWebsocketConsumer):
    """Answers the requests that are measured."""

    async def connect(self) -> None:
        self.user_id: int | None = None
        self.subscribed = False
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if self.subscribed:
            await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def receive_json(self, content: dict[str, Any], **kwargs: Any) -> None:
        kind, data = content["type"], content.get("data", {})
        reply: dict[str, Any] = {}
        if kind == "ping":
            kind, reply = "pong", {"server_time": timezone.now().isoformat()}
        elif kind == "connect":
            self.user_id = await database_sync_to_async(work.sign_in)(data["session_token"])
            reply = {"user_id": self.user_id}
        elif kind == "subscribe":
            await self.channel_layer.group_add(GROUP, self.channel_name)
            self.subscribed = True
            reply = {"channels": data["channels"]}
        elif kind == "publish":
            await self.channel_layer.group_send(GROUP, {"type": "order.update", "event": EVENT})
        elif kind == "get_snapshot":
            kind, reply = "snapshot", await database_sync_to_async(work.snapshot)(self.user_id, data["account_id"])
        elif kind == "bootstrap":
            reply = await database_sync_to_async(work.bootstrap)(self.user_id)
        elif kind == "place_order":
            reply = await database_sync_to_async(work.place_order)(self.user_id, data)
            group = f"account.{data['account_id']}"
            await self.channel_layer.group_send(group, {"type": "order.update", "event": reply})
        await self.send_json({"type": kind, "request_id": content.get("request_id"), "data": reply})

    async def order_update(self, message: dict[str, Any]) -> None:
        await self.send_json(message["event"])
