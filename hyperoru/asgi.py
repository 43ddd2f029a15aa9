"""The ASGI application: the socket at `/ws`, everything else Django."""

import os
from typing import Any, cast

import django
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hyperoru.settings")
django.setup()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  (the apps must be ready)
from django.urls import re_path  # noqa: E402

from realtime.consumer import HyperoruConsumer  # noqa: E402


async def no_such_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse a socket at any other path."""
    await receive()
    await send({"type": "websocket.close", "code": 4404})


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(
            [re_path(r"^ws/?$", HyperoruConsumer.as_asgi()), re_path(r"", cast(Any, no_such_socket))]
        ),
    }
)
