"""How uvicorn serves the application, in one process or several."""

import asyncio
import gc
import logging
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from django.conf import settings

from hyperoru.draining import draining
from hyperoru.http import HttpProtocol
from hyperoru.websocket import WebSocketProtocol
from hyperoru.worker import work
from realtime.farewell import take_leave
from realtime.hubs import get_hub
from realtime.orm import close_pools
from trading.desk import desk
from trading.engine import Engine
from trading.stopping import Stop

logger = logging.getLogger(__name__)
LOOK_AFTER_WORKERS_S = 0.5
HUB_STOPPED_WITHIN_S = 1.0
KILLED_WITHIN_S = 1.0


def server_config() -> uvicorn.Config:
    """Return uvicorn's configuration for the socket and the pages.

    Compression is off: it costs 34 KB a connection. The frame limit is held before a frame is read into memory, and
    dead peers are found by protocol pings.
    """
    return uvicorn.Config(
        "hyperoru.asgi:application",
        http=HttpProtocol,
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

    def __init__(self, config: uvicorn.Config, stop: Stop, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._stop = stop
        self._on_stop = on_stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `Stop`, which had them before there was a server."""
        yield

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._stop.told.is_set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:  # nobody new comes in
            server.close()
        for listener in sockets or []:
            listener.close()
        self._on_stop()
        draining.set()
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpProtocol):
                connection.leave()
        await take_leave(await get_hub())
        await super().shutdown(sockets)


def serve(
    listener: socket.socket, stop: Stop, *, with_engine: bool, on_stop: Callable[[], None] = lambda: None
) -> bool:
    """Serve on an open port until the process is told to stop. `on_stop` is called when it is.

    Returns whether all that was begun has ended: where the database hangs it may not.
    """
    try:
        config = server_config()
        config.load()
        # What lives as long as the process need not be looked through, for 100 ms, each time the collector runs.
        gc.collect()
        gc.freeze()
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:  # uvloop, where there is one
            ended = runner.run(_serve(config, listener, with_engine, stop, on_stop))
    finally:
        stop.begin()  # however it came to this: it ends in time
        closed = close_pools(stop.left())
    return ended and closed


async def _serve(
    config: uvicorn.Config, listener: socket.socket, with_engine: bool, stop: Stop, on_stop: Callable[[], None]
) -> bool:
    ended = threading.Event()
    # A daemon: where the database hangs the process ends without it, and its lease runs out.
    engine = threading.Thread(target=Engine(desk).run, args=(ended,), name="engine", daemon=True)
    if with_engine:
        engine.start()
    try:
        await Server(config, stop, on_stop).serve(sockets=[listener])
    finally:
        ended.set()
        if with_engine:
            await asyncio.to_thread(engine.join, stop.left())
        # The desk's last batches are announced through the hub, which needs this loop.
        closed = await asyncio.to_thread(desk.close, stop.left())
        with suppress(TimeoutError):
            async with asyncio.timeout(HUB_STOPPED_WITHIN_S):
                await (await get_hub()).stop()
    return closed and not engine.is_alive()


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

    def stop(self, within: float) -> None:
        """Wait until all of them have stopped, told so now or before; kill those that take longer."""
        self.begin_stop()
        end = time.monotonic() + within
        for process in self._processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                logger.error("The worker %s did not stop; killing it", process.pid)
                process.kill()
                process.join(KILLED_WITHIN_S)

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
