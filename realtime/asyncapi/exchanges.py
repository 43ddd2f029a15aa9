"""What clients may ask, as the document tells it: the routes, and `ping`, which is answered beside them."""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import getdoc

import msgspec

from realtime.handlers import ROUTES, Lane, Route
from realtime.protocol.messages import Pong, Reply


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its reply. `struct` None: the request's data is not looked at."""

    kind: str
    struct: type[msgspec.Struct] | None
    reply: str
    answer: type[Reply]
    summary: str
    rules: tuple[str, ...]

    @property
    def needs_data(self) -> bool:
        """Whether the request can't come without `data`."""
        return self.struct is not None and any(field.required for field in msgspec.structs.fields(self.struct))


def exchanges() -> Iterator[Exchange]:
    """Yield every exchange, in the order of the table of routes."""
    for kind, route in ROUTES.items():
        summary = (getdoc(route.run) or kind).partition("\n")[0]
        yield Exchange(kind, route.struct, route.reply, route.answer, summary, tuple(_rules(route)))
    rules = ("Needs no session.", "Answered at once, whatever else is under way.")
    yield Exchange("ping", None, "pong", Pong, "Answer with the server's time.", rules)


def _rules(route: Route) -> Iterator[str]:
    yield "Needs a session: `connect` first." if route.needs_session else "Needs no session."
    if route.lane is Lane.SESSION:
        yield "Changes the session: runs alone, and whatever is sent after it waits for it."
    else:
        yield "Runs beside other requests: answers may come in another order."
