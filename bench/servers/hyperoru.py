"""Our server, as `manage.py serve` runs it."""

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

from bench.load.frames import request
from bench.servers.process import Server, python
from bench.servers.template import Template

NO_LIMITS = (
    "MESSAGES_PER_S",
    "ORDERS_PER_S",
    "CANCELS_PER_S",
    "MALFORMED_BURST",
    "UNAUTHENTICATED_PER_ADDRESS",
    "SOCKETS_PER_ADDRESS",
)


class Hyperoru(Server):
    """The whole server in one process, engine and all; events of the crowd are real orders of the watched account."""

    def __init__(self, template: Template, *, redis: bool = False, folder: Path | None = None) -> None:
        super().__init__(folder or template.copy(), redis=redis)
        self._template = template

    def command(self) -> Sequence[str]:
        return python("manage.py", "serve", "--port", str(self.port))

    def environment(self) -> dict[str, str]:
        limits = {f"HYPERORU_{name}": "0" for name in NO_LIMITS}
        layer = {"REDIS_URL": self.redis_url} if self.redis_url else {}
        return {**self._template.environment(self.folder), **limits, **layer}

    def hello(self, user: str = "crowd") -> list[bytes]:
        return [request("connect", "connect", session_token=self._template.tokens[user])]

    def publishing(self) -> Callable[[], bytes]:
        """Place an order far from the mark, then cancel it, and so on: each is one `order_update`, committed."""
        account = self._template.accounts["Watched"]
        numbers = count()

        def make() -> bytes:
            number = next(numbers)
            name = f"bench-{self.port}-{number // 2:07d}"
            if number % 2:
                return request("cancel_order", "publish", account_id=account, client_order_id=name)
            return request(
                "place_order", "publish", account_id=account, symbol="BTC", side="buy", size="0.001",
                order_type="limit", price="40000", time_in_force="alo", client_order_id=name,
            )  # fmt: skip

        return make
