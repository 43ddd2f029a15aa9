"""How uvicorn serves the application, in one process or several."""

import asyncio
import logging
import multiprocessing
import signal
import socket
import threading

import uvicorn
from django.conf import settings

from hyperoru.worker import work
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
        ws="websockets-sansio",
        ws_max_size=settings.HYPERORU_MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=5,
    )


def serve(listener: socket.socket, *, with_engine: bool) -> None:
    """Serve on an open port until the process is told to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn shuts down on these and then raises them again: by then there is work left to finish.
        signal.signal(number, lambda *_: None)
    try:
        asyncio.run(_serve(listener, with_engine))
    finally:
        desk.close()
        close_pools()


async def _serve(listener: socket.socket, with_engine: bool) -> None:
    stop = threading.Event()
    engine = threading.Thread(target=Engine(desk).run, args=(stop,), name="engine") if with_engine else None
    if engine is not None:
        engine.start()
    try:
        await uvicorn.Server(server_config()).serve(sockets=[listener])
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
        self._keeper = threading.Thread(target=self._keep, name="workers", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Tell all of them to stop and wait until they have."""
        self._stop.set()
        self._keeper.join()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()

    def _start(self) -> multiprocessing.process.BaseProcess:
        process = self._spawn.Process(target=work, args=(self._listener,))
        process.start()
        return process

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_AFTER_WORKERS_S):
            for index, process in enumerate(self._processes):
                if not process.is_alive():
                    logger.error("A worker ended with code %s; starting another", process.exitcode)
                    self._processes[index] = self._start()
