"""How uvicorn serves the application."""

import uvicorn
from django.conf import settings


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
