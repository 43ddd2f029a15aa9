"""One client whose every frame is held to the protocol: what it was told says what it must get next."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from realtime.protocol.channels import CHANNELS, DURABLE
from tests.faults.load import Key, Place
from tests.serving import Message, Server

PATIENCE_S = 120.0
MOST_UNANSWERED = 24
RESUME_LIMIT = 1_000
SESSION = {"connect", "subscribe", "unsubscribe", "switch_account", "switch_user"}
EPHEMERAL = {"price_update", "position_update"}
Subscription = tuple[str, int | None]
"""A channel, and the account that it is pinned to."""


@dataclass(frozen=True)
class Whoever:
    """A user of the world, as the model needs it: the accounts that it sees, by id, and whom it may act as."""

    user_id: int
    token: str
    sees: tuple[int, ...]
    trades: tuple[int, ...] = ()
    acts_as_others: bool = False

    @property
    def first(self) -> int | None:
        return self.sees[0] if self.sees else None


@dataclass(frozen=True)
class Asked:
    """A request, and how many that change the session were sent before it."""

    kind: str
    data: Message
    after: int


@dataclass
class Told:
    """What clients learned that is compared with the database at the end."""

    epochs: dict[Key, str] = field(default_factory=dict)
    states: list[Message] = field(default_factory=list)
    """Snapshots and bootstraps, each with its `account_id` and `as_of`."""
    orders: dict[tuple[int, str], int] = field(default_factory=dict)
    """Order ids by account and client id."""
    placed: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often an order was placed anew, by account and client id."""


class Follower:
    """A client over any number of sockets, one at a time."""

    def __init__(self, server: Server, who: Whoever, users: dict[int, Whoever], told: Told) -> None:
        self.who = who
        self.heard: dict[Key, dict[int, str]] = {}
        self.places: dict[Key, Place] = {}
        """The last event that was seen of each stream: what a client resumes from."""
        self._server = server
        self._users = users
        self._told = told
        self._numbers = count(1)
        self._connection: ClientConnection | None = None

    @property
    def open(self) -> bool:
        return self._connection is not None

    async def connect(self) -> None:
        """Open a socket; the session's first request is on its way, not yet answered."""
        self._connection = await connect(self._server.socket_url, ping_interval=None, max_queue=None)
        self._asked: dict[int | str, Asked] = {}
        self._changes = 0
        self._account_after: dict[int, int | None] = {}
        self._connected = False
        self._acts_as = self.who
        self._account: int | None = None
        self._subscriptions: set[Subscription] = set()
        self._next: dict[Key, int] = {}
        """The number of the next event of each stream that the socket is subscribed to."""
        self._replayed: Counter[Key] = Counter()
        """What a reply has promised to follow it at once."""
        await self.ask("connect", {"session_token": self.who.token})

    async def die(self) -> None:
        """Lose the socket without a word, with whatever is on its way."""
        if self._connection is not None:
            self._connection.transport.abort()
            await self._connection.wait_closed()
            self._connection = None

    async def ask(self, kind: str, data: Message) -> None:
        """Send a request, and do not wait for its answer."""
        while len(self._asked) >= MOST_UNANSWERED:
            await self._take_one()
        number = next(self._numbers)
        request_id = number if number % 2 else f"{kind}-{number}"
        self._asked[request_id] = Asked(kind, data, self._changes)
        self._changes += kind in SESSION
        await self._send({"type": kind, "request_id": request_id, "data": data})

    async def answered(self) -> None:
        """Wait until every request is answered."""
        while self._asked:
            await self._take_one()

    async def settled(self, heads: dict[Key, Place]) -> None:
        """Wait for all that is subscribed to up to the streams' heads, and see that nothing comes after."""
        while any(seq <= heads[key]["seq"] for key, seq in self._next.items()):
            await self._take_one()
        await self.ask("ping", {})
        await self.answered()
        assert self._next == {key: heads[key]["seq"] + 1 for key in self._next}

    async def _send(self, message: Message) -> None:
        assert self._connection is not None
        await self._connection.send(json.dumps(message))

    async def _take_one(self) -> None:
        assert self._connection is not None
        async with asyncio.timeout(PATIENCE_S):
            text = await self._connection.recv()
        assert isinstance(text, str)
        message: Message = json.loads(text)
        if "seq" in message:
            self._event(text, message)
            return
        assert not self._replayed, (self._replayed, message)
        if "request_id" not in message:
            self._ephemeral(message)
            return
        request_id = message["request_id"]
        asked = self._asked.pop(request_id, None)
        assert asked is not None, f"answered twice, or never asked: {text}"
        expected = "pong" if asked.kind == "ping" else asked.kind.removeprefix("get_")
        assert message["type"] in (expected, "error"), (asked, message)
        if message["type"] == "error":
            assert message["data"]["in_reply_to"] == asked.kind
            self._refused(asked, message["data"]["code"])
        else:
            getattr(self, f"_{asked.kind}", lambda *_: None)(asked, message["data"])
        if asked.kind in SESSION:
            self._account_after[asked.after] = self._account

    # Events

    def _event(self, text: str, message: Message) -> None:
        key = (message["data"]["account_id"], message["channel"])
        assert key in self._next, f"not subscribed to: {text}"
        assert message["seq"] == self._next[key], f"{self._next[key]} is missing: {text}"
        assert message["epoch"] == self._told.epochs.setdefault(key, message["epoch"])
        self._next[key] += 1
        if self._replayed:
            assert key in self._replayed, f"live before what is replayed: {text}"
            self._replayed -= Counter([key])
        assert self.heard.setdefault(key, {}).setdefault(message["seq"], text) == text
        self.places[key] = {"epoch": message["epoch"], "seq": message["seq"]}

    def _ephemeral(self, message: Message) -> None:
        assert message["type"] in EPHEMERAL, message
        if message["type"] == "price_update":
            assert "prices" in {channel for channel, _ in self._subscriptions}
        else:
            assert (message["data"]["account_id"], "positions") in self._next, message

    # Answers, by the request that they are to

    def _refused(self, asked: Asked, code: str) -> None:
        """Hold a refusal to what the request may be refused for."""
        wanted = asked.data.get("account_id", self._account_asked(asked))
        hidden = wanted not in self._acts_as.sees
        match asked.kind:
            case "switch_account":
                assert (code, hidden) == ("not_found", True), asked
            case "switch_user":
                assert (code, self.who.acts_as_others) == ("forbidden", False), asked
            case "subscribe":
                assert (code, hidden) == ("not_found", True), asked
            case "get_snapshot":
                assert code == "not_found", asked
            case "place_order" | "cancel_order" | "cancel_all_orders":
                assert code in TRADING_CODES, (asked, code)
            case _:
                raise AssertionError((asked, code))

    def _connect(self, asked: Asked, data: Message) -> None:
        if not self._connected:
            self._connected = True
            self._account = self._acts_as.first
        assert data["account_id"] == self._account
        assert data["user"]["id"] == self._acts_as.user_id

    def _subscribe(self, asked: Asked, data: Message) -> None:
        pinned = asked.data.get("account_id")
        subject = pinned or self._account
        wanted = [channel for channel in CHANNELS if channel in asked.data["channels"]]
        assert set(data.get("rejected", ())) == set(asked.data["channels"]) - set(CHANNELS)
        self._subscriptions |= {(channel, pinned) for channel in wanted}
        assert data["channels"] == self._channels(pinned)
        numbered = [channel for channel in wanted if channel in DURABLE and subject is not None]
        assert set(data["streams"]) == set(numbered)
        assert subject is None or subject in self._acts_as.sees or not numbered
        for channel in numbered:
            assert subject is not None
            self._begin((subject, channel), data["streams"][channel], asked.data.get("resume", {}).get(channel))

    def _begin(self, key: Key, head: Place, since: Place | None) -> None:
        """Take what `subscribe` says of a stream: from where its events come now."""
        assert head["epoch"] == self._told.epochs.setdefault(key, head["epoch"])
        known = self._next.get(key)
        assert known in (None, head["seq"] + 1), (key, known, head)
        whole = (
            since is not None and since["epoch"] == head["epoch"] and 0 <= head["seq"] - since["seq"] <= RESUME_LIMIT
        )
        assert head.get("recovered") == (None if since is None else whole), (since, head)
        if since is not None and whole:
            self._next[key] = since["seq"] + 1
            assert head["replayed"] == head["seq"] - since["seq"]
            self._replayed += Counter({key: head["replayed"]})
        else:
            assert "replayed" not in head
            self._next[key] = head["seq"] + 1
            self.places[key] = {"epoch": head["epoch"], "seq": head["seq"]}

    def _unsubscribe(self, asked: Asked, data: Message) -> None:
        pinned, named = asked.data.get("account_id"), asked.data.get("channels", CHANNELS)
        self._subscriptions -= {(channel, pinned) for channel in named}
        assert data["channels"] == self._channels(pinned)
        self._move({})

    def _switch_account(self, asked: Asked, data: Message) -> None:
        assert data["account_id"] == asked.data["account_id"]
        assert data["account_id"] in self._acts_as.sees
        self._account = data["account_id"]
        self._move(data["as_of"])

    def _switch_user(self, asked: Asked, data: Message) -> None:
        self._acts_as = self._users[asked.data["user_id"]]
        assert self.who.acts_as_others or self._acts_as == self.who
        assert [account["id"] for account in data["accounts"]] == list(self._acts_as.sees)
        assert data["account_id"] == self._acts_as.first
        self._account = data["account_id"]
        self._subscriptions = {each for each in self._subscriptions if each[1] is None}
        self._move(data["as_of"])

    def _get_snapshot(self, asked: Asked, data: Message) -> None:
        assert data["account_id"] == asked.data.get("account_id", self._account_asked(asked))
        self._told.states.append(data)

    def _bootstrap(self, asked: Asked, data: Message) -> None:
        assert data["account_id"] == self._account_asked(asked)
        if data["account_id"] is not None:
            self._told.states.append(data)

    def _place_order(self, asked: Asked, data: Message) -> None:
        name = (asked.data["account_id"], asked.data["client_order_id"])
        assert data["client_order_id"] == name[1]
        assert self._told.orders.setdefault(name, data["order_id"]) == data["order_id"]
        self._told.placed[name] += not data["duplicate"]
        assert self._told.placed[name] <= 1, f"placed twice: {name}"

    # What the session means

    def _channels(self, pinned: int | None) -> list[str]:
        return [channel for channel in CHANNELS if (channel, pinned) in self._subscriptions]

    def _streams(self) -> Iterable[Key]:
        for channel, pinned in self._subscriptions:
            account_id = pinned or self._account
            if channel in DURABLE and account_id is not None:
                yield account_id, channel

    def _move(self, as_of: dict[str, Place]) -> None:
        """Leave the streams that are no longer meant; those that are new go on after `as_of`."""
        before, self._next = self._next, {}
        for key in self._streams():
            self._next[key] = before[key] if key in before else as_of[key[1]]["seq"] + 1

    def _account_asked(self, asked: Asked) -> int | None:
        """Return the account that was active when a request was sent, as far as the server can know."""
        return self._account_after.get(asked.after - 1, self._account) if asked.kind not in SESSION else self._account

    def resume_of(self, account_id: int) -> dict[str, Place]:
        """Return the places of an account's streams, as a client gives them when it comes back."""
        return {channel: dict(place) for (account, channel), place in self.places.items() if account == account_id}


TRADING_CODES: set[Any] = {
    "not_found",
    "forbidden",
    "account_frozen",
    "order_rejected",
    "insufficient_margin",
    "duplicate_client_order_id",
    "not_open",
    "unknown_symbol",
}
