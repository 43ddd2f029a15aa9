"""What is measured: each server is a process of its own, with a folder, a database and a port of its own."""

from bench.servers.hyperoru import Hyperoru
from bench.servers.others import Firehose, Picows, Stock
from bench.servers.process import Server
from bench.servers.template import Template

KINDS = {
    "hyperoru": Hyperoru,
    "hyperoru-pg": Hyperoru,
    "hyperoru-redis": lambda template: Hyperoru(template, redis=True),
    "stock-redis": lambda template: Stock(template, "channels_redis.core.RedisChannelLayer"),
    "stock-pubsub": lambda template: Stock(template, "channels_redis.pubsub.RedisPubSubChannelLayer"),
    "picows": Picows,
    "firehose": Firehose,
}
TITLES = {
    "hyperoru": "Hyperoru",
    "hyperoru-pg": "Hyperoru, PostgreSQL",
    "hyperoru-redis": "Hyperoru, Redis layer",
    "stock-redis": "stock Channels, RedisChannelLayer",
    "stock-pubsub": "stock Channels, RedisPubSubChannelLayer",
    "picows": "bare picows loop",
    "firehose": "firehose",
    "pgbench": "pgbench, TPC-B-like",
}


def make(name: str, template: Template) -> Server:
    """Return a server that is not started yet."""
    return KINDS[name](template)
