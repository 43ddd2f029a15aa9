"""What the server is measured against."""

from collections.abc import Sequence

from bench.load.frames import request
from bench.servers.process import Server, python
from bench.servers.template import Template


class Stock(Server):
    """Channels as its documentation teaches it: a consumer in a group for each connection, served by daphne."""

    def __init__(self, template: Template, layer: str) -> None:
        super().__init__(template.copy(), redis=True)
        self._layer = layer
        self._template = template

    def command(self) -> Sequence[str]:
        return python("-m", "daphne", "-p", str(self.port), "bench.stock.asgi:application")

    def environment(self) -> dict[str, str]:
        assert self.redis_url is not None
        return {
            "DJANGO_SETTINGS_MODULE": "bench.stock.settings",
            "HYPERORU_VAR": str(self.folder),
            "HYPERORU_MARKET": "manual",
            "BENCH_LAYER": self._layer,
            "BENCH_REDIS_URL": self.redis_url,
        }

    def hello(self, user: str = "crowd") -> list[bytes]:
        return [request("connect", "connect", session_token=self._template.tokens[user])]


class Picows(Server):
    """A loop around picows: no Django, no ASGI, no database. About what Python can do here."""

    def __init__(self, template: Template) -> None:
        super().__init__(template.empty())

    def command(self) -> Sequence[str]:
        return python("-m", "bench.picows_server", str(self.port))


class Firehose(Server):
    """Ready bytes straight into sockets: what the generator can take when the server costs next to nothing."""

    def __init__(self, template: Template) -> None:
        super().__init__(template.empty())

    def command(self) -> Sequence[str]:
        return python("-m", "bench.firehose", str(self.port))
