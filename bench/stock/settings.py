"""Our settings, with the consumer and the layer that are measured in place of ours."""

import os

from hyperoru.settings import *  # noqa: F403

ASGI_APPLICATION = "bench.stock.asgi.application"
# redis-py gives up on an answer after 5 s by default, which is as long as the layer's own blocking read may take: idle
# consumers would die of it.
HOST = {"address": os.environ["BENCH_REDIS_URL"], "socket_timeout": None}
CHANNEL_LAYERS = {"default": {"BACKEND": os.environ["BENCH_LAYER"], "CONFIG": {"hosts": [HOST]}}}
