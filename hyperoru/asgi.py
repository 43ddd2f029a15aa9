"""The ASGI application: the socket at `/ws`, everything else Django."""

import os
import warnings
from typing import Any, cast

import django
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hyperoru.settings")
django.setup()
# WhiteNoise streams files by synchronous iterators, which Django reads in a thread: right, and slow for none so small.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  (the apps must be ready)
from django.urls import re_path  # noqa: E402

from realtime.consumer import HyperoruConsumer  # noqa: E402
from realtime.entrance import Admitted  # noqa: E402


async def no_such_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Refuse a socket at any other path."""
    await receive()
    await send({"type": "websocket.close", "code": 4404})


application = ProtocolTypeRouter(
    {
        "http": get_asgi_application(),
        "websocket": URLRouter(
            [
                re_path(r"^ws/?$", cast(Any, Admitted(HyperoruConsumer.as_asgi()))),
                re_path(r"", cast(Any, no_such_socket)),
            ]
        ),
    }
)
