"""A cable between the browser and the server that a test can cut and mend."""

import selectors
import socket
import threading

CHUNK = 65_536
LOOK_S = 0.05


class Cable:
    """Forwards TCP from a port of its own. Cut, it ends what goes through it and takes nothing new."""

    def __init__(self, port: int) -> None:
        self.target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._whole = threading.Event()
        self._whole.set()
        self._ended = threading.Event()
        self._swallowing = False
        self._thread = threading.Thread(target=self._run, name="cable")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Lose all connections; new ones are refused until `mend`."""
        self._whole.clear()
        with self._lock:
            for side in list(self._pairs):
                self._drop(side)

    def mend(self) -> None:
        self._swallowing = False
        self._whole.set()

    def swallow(self) -> None:
        """Lose what the server says from now on; what the browser says still arrives."""
        self._swallowing = True

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self.cut()
        self._listener.close()

    def _run(self) -> None:
        while not self._ended.is_set():
            with selectors.DefaultSelector() as selector, self._lock:
                for side in (self._listener, *self._pairs):
                    selector.register(side, selectors.EVENT_READ)
                ready = [key.fileobj for key, _ in selector.select(LOOK_S)]
                for side in ready:
                    assert isinstance(side, socket.socket)
                    if side is self._listener:
                        self._accept()
                    elif side in self._pairs:
                        self._forward(side)

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        if not self._whole.is_set():
            near.close()
            return
        far = socket.create_connection(("127.0.0.1", self.target))
        self._pairs[near], self._pairs[far] = far, near

    def _forward(self, side: socket.socket) -> None:
        try:
            data = side.recv(CHUNK)
            if data:
                if not (self._swallowing and self._far(side)):
                    self._pairs[side].sendall(data)
                return
        except OSError:
            pass
        self._drop(side)

    def _far(self, side: socket.socket) -> bool:
        return bool(side.getpeername()[1] == self.target)

    def _drop(self, side: socket.socket) -> None:
        other = self._pairs.pop(side, None)
        if other is not None:
            del self._pairs[other]
            other.close()
            side.close()
