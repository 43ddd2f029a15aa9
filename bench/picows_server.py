"""A bare loop around picows: sessions are not checked, events are ready bytes. `python -m bench.picows_server PORT`."""

import json
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from bench.event import event

EVENT = json.dumps(event()).encode()
subscribers: set[WSTransport] = set()


class Listener(WSListener):
    """One connection."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        subscribers.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            if frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()
            return
        message = json.loads(frame.get_payload_as_bytes())
        kind = message["type"]
        if kind == "publish":
            for each in subscribers:
                each.send(WSMsgType.TEXT, EVENT)
        elif kind == "subscribe":
            subscribers.add(transport)
        reply = {"type": "pong" if kind == "ping" else kind, "request_id": message["request_id"], "data": {}}
        transport.send(WSMsgType.TEXT, json.dumps(reply).encode())


async def serve(port: int) -> None:
    def listener(request: WSUpgradeRequest) -> Listener:
        return Listener()

    server = await ws_create_server(listener, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
