"""The state of one connection: who speaks, as whom, about which account, subscribed to what. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from realtime.protocol.channels import CHANNELS


@dataclass(frozen=True, slots=True)
class Identity:
    """Who opened the session, by which token, until when. `scopes`: what the token allows."""

    token: int
    user_id: int
    username: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    browser_session: str | None = field(default=None, repr=False)
    """Key of the Django session that opened it, where a browser did: it ends with that."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel of an account. `account_id` None follows the active account."""

    channel: str
    account_id: int | None = None


@dataclass(slots=True)
class Session:
    """What a connection knows of itself. Handlers change it; the consumer carries out what follows."""

    id: str
    identity: Identity | None = None
    user_id: int = 0
    username: str = ""
    account_id: int | None = None
    subscriptions: set[Subscription] = field(default_factory=set)
    bad_tokens: int = 0

    @property
    def connected(self) -> bool:
        return self.identity is not None

    @property
    def browser_session(self) -> str | None:
        return None if self.identity is None else self.identity.browser_session

    @property
    def acts_as_another(self) -> bool:
        return self.identity is not None and self.identity.user_id != self.user_id

    def start(self, identity: Identity, account_id: int | None) -> None:
        """Take a new identity. The same user's fresh token prolongs the session; another user starts it over."""
        same = self.identity is not None and self.identity.user_id == identity.user_id
        self.identity = identity
        self.bad_tokens = 0
        if not same:
            self.become(identity.user_id, identity.username, account_id)
        elif self.account_id is None and not self.acts_as_another:
            self.account_id = account_id

    def become(self, user_id: int, username: str, account_id: int | None) -> None:
        """Act as a user from now on: subscriptions belong to the one before and are gone."""
        self.user_id = user_id
        self.username = username
        self.account_id = account_id
        self.subscriptions = set()

    def streams(self) -> set[tuple[int, str]]:
        """Return the (account, channel) pairs that the subscriptions mean now."""
        return {
            (account_id, each.channel)
            for each in self.subscriptions
            if (account_id := each.account_id or self.account_id) is not None
        }

    def channels(self, account_id: int | None) -> list[str]:
        """Return the channels subscribed to, following (None) or pinned to an account, in the protocol's order."""
        mine = {each.channel for each in self.subscriptions if each.account_id == account_id}
        return [channel for channel in CHANNELS if channel in mine]

    def add(self, channels: Iterable[str], account_id: int | None) -> None:
        self.subscriptions |= {Subscription(channel, account_id) for channel in channels}

    def remove(self, channels: Iterable[str] | None, account_id: int | None) -> None:
        gone = set(CHANNELS if channels is None else channels)
        self.subscriptions = {s for s in self.subscriptions if s.account_id != account_id or s.channel not in gone}
