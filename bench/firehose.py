"""The cheapest server there is: ready bytes straight into the sockets. `python -m bench.firehose PORT`.

It answers every read of a connection as if it were one request, and sends the event to all others when one says
"publish". It knows nothing of frames; it is there to show what the load generator can take.
"""

import json
import selectors
import socket
import sys

from bench.event import event

ANSWER = b"\x81\x0f" + b'{"type":"pong"}'
PAYLOAD = json.dumps(event()).encode()
EVENT = b"\x81\x7e" + len(PAYLOAD).to_bytes(2, "big") + PAYLOAD
ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
REQUEST = b'"request_id"'
PUBLISH = b'"publish","request_id"'
SUBSCRIBE = b'"subscribe","request_id"'


def serve(port: int) -> None:
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=2048)
    selector.register(listener, selectors.EVENT_READ)
    crowd: set[socket.socket] = set()
    while True:
        for key, _ in selector.select():
            peer = key.fileobj
            assert isinstance(peer, socket.socket)
            if peer is listener:
                made, _ = listener.accept()
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(made, selectors.EVENT_READ)
                continue
            try:
                data = peer.recv(65_536)
            except ConnectionError:
                data = b""
            if not data:
                selector.unregister(peer)
                crowd.discard(peer)
                peer.close()
            elif data.startswith(b"GET"):
                peer.sendall(ACCEPT)
            else:
                if SUBSCRIBE in data:
                    crowd.add(peer)
                for _ in range(data.count(PUBLISH)):
                    for each in crowd:
                        each.sendall(EVENT)
                peer.sendall(ANSWER * data.count(REQUEST))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
