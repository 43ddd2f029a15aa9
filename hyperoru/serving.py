"""How uvicorn serves the application, in one process or several."""

import asyncio
import logging
import multiprocessing
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from django.conf import settings

from hyperoru.websocket import WebSocketProtocol
from hyperoru.worker import work
from realtime.farewell import take_leave
from realtime.hubs import running_hub
from realtime.orm import close_pools
from trading.desk import desk
from trading.engine import Engine

logger = logging.getLogger(__name__)
LOOK_AFTER_WORKERS_S = 0.5


def server_config() -> uvicorn.Config:
    """Return uvicorn's configuration for the socket and the pages.

    Compression is off: it costs 34 KB a connection. The frame limit is held before a frame is read into memory, and
    dead peers are found by protocol pings.
    """
    return uvicorn.Config(
        "hyperoru.asgi:application",
        ws=WebSocketProtocol,
        ws_max_size=settings.HYPERORU_MAX_FRAME_BYTES,
        ws_per_message_deflate=settings.HYPERORU_DEFLATE,
        ws_ping_interval=settings.HYPERORU_PING_EVERY_S or None,
        ws_ping_timeout=settings.HYPERORU_PONG_WITHIN_S or None,
        proxy_headers=bool(settings.HYPERORU_TRUSTED_PROXIES),
        forwarded_allow_ips=settings.HYPERORU_TRUSTED_PROXIES,
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=2,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which takes leave of the sockets before it stops. `on_stop` is called when that begins."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:  # nobody new comes in
            server.close()
        for listener in sockets or []:
            listener.close()
        self._on_stop()
        hub = running_hub()
        if hub is not None:
            await take_leave(hub)
        await super().shutdown(sockets)


def serve(listener: socket.socket, *, with_engine: bool, on_stop: Callable[[], None] = lambda: None) -> None:
    """Serve on an open port until the process is told to stop. `on_stop` is called when it is."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn shuts down on these and then raises them again: by then there is work left to finish.
        signal.signal(number, lambda *_: None)
    try:
        config = server_config()
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:  # uvloop, where there is one
            runner.run(_serve(config, listener, with_engine, on_stop))
    finally:
        desk.close()
        close_pools()


async def _serve(
    config: uvicorn.Config, listener: socket.socket, with_engine: bool, on_stop: Callable[[], None]
) -> None:
    stop = threading.Event()
    engine = threading.Thread(target=Engine(desk).run, args=(stop,), name="engine") if with_engine else None
    if engine is not None:
        engine.start()
    try:
        await Server(config, on_stop).serve(sockets=[listener])
    finally:
        stop.set()
        if engine is not None:
            await asyncio.to_thread(engine.join)


class Workers:
    """Further serving processes. One that dies is told and started again."""

    def __init__(self, listener: socket.socket, count: int) -> None:
        self._spawn = multiprocessing.get_context("spawn")
        self._listener = listener
        self._processes = [self._start() for _ in range(count)]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._keeper = threading.Thread(target=self._keep, name="workers", daemon=True)
        self._keeper.start()

    def begin_stop(self) -> None:
        """Tell all of them to stop, and start none again."""
        with self._lock:
            self._stop.set()
            for process in self._processes:
                process.terminate()

    def stop(self) -> None:
        """Wait until all of them have stopped, told so now or before."""
        self.begin_stop()
        self._keeper.join()
        for process in self._processes:
            process.join()

    def _start(self) -> multiprocessing.process.BaseProcess:
        process = self._spawn.Process(target=work, args=(self._listener,))
        process.start()
        return process

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_AFTER_WORKERS_S):
            with self._lock:
                if not self._stop.is_set():
                    self._replace_the_dead()

    def _replace_the_dead(self) -> None:
        for index, process in enumerate(self._processes):
            if not process.is_alive():
                logger.error("A worker ended with code %s; starting another", process.exitcode)
                self._processes[index] = self._start()
