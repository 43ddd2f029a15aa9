"""Many clients in any order of doing things: each gets what the protocol promises it, and no other thing."""

import asyncio
import os
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from realtime.models import Event, Stream
from tests.builders import a_token, a_user, access, an_account, an_order, set_price
from tests.faults.following import Follower, Told, Whoever
from tests.faults.load import CHANNELS, Key
from tests.realtime.test_state_and_events import applied, comparable
from tests.serving import Message, Server
from trading.crossing import reached
from trading.desk import Request, desk
from trading.domain.commands import MoveCash, RecordEquity, SubmitDecision
from trading.domain.enums import Action, LedgerKind
from trading.market.board import board
from trading.models import Order
from trading.prices import market_now

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = int(os.environ.get("HYPERORU_TEST_EXAMPLES", "40"))
STEPS = 50
FOLLOWERS = 6
ACCOUNTS = 5
BOOK = {"bids": [["68499", "0.05"], ["68490", "2"]], "asks": [["68501", "0.05"], ["68510", "2"]]}

followers = st.integers(0, FOLLOWERS - 1)
accounts = st.sampled_from([0, 0, 0, 0, *range(1, ACCOUNTS)])
"""Mostly the one that most clients see: it is there that they meet."""
channels = st.lists(st.sampled_from([*CHANNELS, "prices", "tradez"]), min_size=1, max_size=7, unique=True)
places = st.sampled_from(["last", "last", "start", "start", "other", "ahead"])
names = st.integers(0, 30).map(lambda number: f"n{number}")


class Clients(RuleBasedStateMachine):
    """Six clients of four users over five accounts, their requests always under way together."""

    server: Server

    @initialize()
    def make_the_world(self) -> None:
        set_price("BTC", "68500", **BOOK)
        owner, trader, viewer, staff = (a_user() for _ in range(4))
        staff.user_permissions.add(Permission.objects.get(codename="act_as_user"))
        first, second = an_account(owner, "100000"), an_account(owner, "100000")
        frozen, own = an_account(owner, "100000", status="frozen"), an_account(trader, "100000")
        hidden = an_account(a_user(), "100000")
        access(first, trader, "trader")
        access(first, viewer, "viewer")
        access(second, viewer, "viewer")
        self.accounts: list[int] = [account.pk for account in (first, second, frozen, own, hidden)]
        a, b, c, d, _ = self.accounts
        whoever = [
            Whoever(owner.pk, a_token(owner), (a, b, c), (a, b)),
            Whoever(trader.pk, a_token(trader), (a, d), (a, d)),
            Whoever(viewer.pk, a_token(viewer, "read"), (a, b)),
            Whoever(staff.pk, a_token(staff), (), (), acts_as_others=True),
        ]
        self.users = {each.user_id: each for each in whoever}
        self.told = Told()
        self.followers = [
            Follower(self.server, who, self.users, self.told) for who in (*whoever, whoever[0], whoever[3])
        ]
        self.runner = asyncio.Runner()
        for number, follower in enumerate(self.followers):
            if follower.who.first is not None:
                self.ask(number, "subscribe", {"channels": CHANNELS, "account_id": follower.who.first})

    # Clients

    def ask(self, number: int, kind: str, data: Message) -> None:
        """Send a request over an open socket, or over a new one."""
        follower = self.followers[number]

        async def ask() -> None:
            if not follower.open:
                await follower.connect()
            await follower.ask(kind, data)

        self.runner.run(ask())

    @rule(number=followers)
    def connect_again(self, number: int) -> None:
        self.ask(number, "connect", {"session_token": self.followers[number].who.token})

    @rule(
        number=followers,
        channels=channels,
        pin=st.none() | accounts,
        since=st.just("") | places,
    )
    def subscribe(self, number: int, channels: list[str], pin: int | None, since: str) -> None:
        data: Message = {"channels": channels}
        if pin is not None:
            data["account_id"] = self.accounts[pin]
        if since and pin is not None:  # only of a pinned account can a client know the places beforehand
            data["resume"] = self.places_of(number, self.accounts[pin], since)
        self.ask(number, "subscribe", data)

    @rule(number=followers, channels=st.none() | channels, pin=st.none() | accounts)
    def unsubscribe(self, number: int, channels: list[str] | None, pin: int | None) -> None:
        data: Message = {} if channels is None else {"channels": channels}
        self.ask(number, "unsubscribe", data if pin is None else {**data, "account_id": self.accounts[pin]})

    @rule(number=followers, account=accounts)
    def switch_account(self, number: int, account: int) -> None:
        self.ask(number, "switch_account", {"account_id": self.accounts[account]})

    @rule(number=st.sampled_from([0, 3, 3, FOLLOWERS - 1, FOLLOWERS - 1]), user=st.integers(0, 3))
    def switch_user(self, number: int, user: int) -> None:
        self.ask(number, "switch_user", {"user_id": list(self.users)[user]})

    @rule(number=followers, account=st.none() | accounts)
    def read(self, number: int, account: int | None) -> None:
        self.ask(number, "get_snapshot", {} if account is None else {"account_id": self.accounts[account]})

    @rule(number=followers)
    def bootstrap(self, number: int) -> None:
        self.ask(number, "bootstrap", {})

    @rule(
        number=followers,
        account=accounts,
        name=names,
        side=st.sampled_from(["buy", "sell"]),
        size=st.sampled_from([0.001, 0.02, 0.08, 400]),
        price=st.sampled_from([None, None, 60_000, 68_400, 68_501, 68_600, 75_000, 68_400.55]),
        times=st.integers(1, 6),
    )
    def place_orders(
        self, number: int, account: int, name: str, side: str, size: float, price: float | None, times: int
    ) -> None:
        for time in range(times):
            data = {
                "account_id": self.accounts[account],
                "symbol": "BTC",
                "side": side,
                "size": size,
                "order_type": "market" if price is None else "limit",
                "client_order_id": f"{name}-{time}",
            }
            self.ask(number, "place_order", data if price is None else {**data, "price": price})

    @rule(number=followers, account=accounts, name=names)
    def cancel(self, number: int, account: int, name: str) -> None:
        data = {"account_id": self.accounts[account], "client_order_id": f"{name}-0"}
        self.ask(number, "cancel_order", data)

    @rule(number=followers, account=accounts)
    def cancel_all(self, number: int, account: int) -> None:
        self.ask(number, "cancel_all_orders", {"account_id": self.accounts[account]})

    @rule(number=followers)
    def hear_the_answers(self, number: int) -> None:
        self.wait_for_the_answers(number)

    def wait_for_the_answers(self, number: int) -> None:
        if self.followers[number].open:
            self.runner.run(self.followers[number].answered())

    @rule(number=followers)
    def die(self, number: int) -> None:
        self.runner.run(self.followers[number].die())

    @rule(number=followers, since=places, dies=st.booleans())
    def resume(self, number: int, since: str, dies: bool) -> None:
        """Ask again for what was seen before, or was not, over the same socket or a new one."""
        follower = self.followers[number]
        self.wait_for_the_answers(number)
        if dies:
            self.runner.run(follower.die())
        for account_id in follower.who.sees:
            known = self.places_of(number, account_id, since)
            if known:
                self.ask(number, "subscribe", {"channels": list(known), "resume": known, "account_id": account_id})

    def places_of(self, number: int, account_id: int, since: str) -> dict[str, Message]:
        change = {"start": {"seq": 0}, "other": {"epoch": "another"}, "ahead": {"seq": 10**6}}.get(since, {})
        known = self.followers[number].resume_of(account_id)
        return {channel: {**place, **change} for channel, place in known.items()}

    # The house

    @rule(mark=st.sampled_from([68_300, 68_500, 68_700]), book=st.booleans())
    def the_market_moves(self, mark: int, book: bool) -> None:
        """Move the mark, fill what it reaches and write down what the accounts are worth, as the engine does."""
        levels = [[[mark + side * far, "0.05"] for far in (1, 40)] for side in (-1, 1)]
        set_price("BTC", str(mark), *(levels if book else (None, None)))
        mine = [request for request in reached(market_now(board), "BTC") if request.account_id in self.accounts]
        desk.execute(mine)
        desk.execute([Request(account_id, RecordEquity()) for account_id in self.accounts])

    @rule(account=accounts, amount=st.sampled_from([500, -500]))
    def cash_moves(self, account: int, amount: int) -> None:
        kind = LedgerKind.DEPOSIT if amount > 0 else LedgerKind.WITHDRAWAL
        desk.execute([Request(self.accounts[account], MoveCash(kind, Decimal(amount)))])

    @rule(account=accounts, times=st.sampled_from([1, 20, 150]))
    def much_happens(self, account: int, times: int) -> None:
        for _ in range(3):
            desk.execute([Request(self.accounts[account], RecordEquity()) for _ in range(times)])

    @rule(account=accounts, trades=st.booleans())
    def a_model_decides(self, account: int, trades: bool) -> None:
        order = an_order("0.002") if trades else None
        decision = SubmitDecision("m", "BTC", Action.BUY if trades else Action.HOLD, "Because.", order=order)
        desk.execute([Request(self.accounts[account], decision)])

    # What must hold

    @rule()
    def everything_is_as_promised(self) -> None:
        self.settle()

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self.settle()
            for number, follower in enumerate(self.followers):  # in the end everybody is told everything again
                self.resume(number, "start", dies=follower.open)
            self.settle()
        finally:
            for follower in self.followers:
                self.runner.run(follower.die())
            self.runner.close()

    def settle(self) -> None:
        """Let all that is under way come to its end, and compare what was told with what is stored."""
        live = [follower for follower in self.followers if follower.open]
        for follower in live:
            self.runner.run(follower.answered())
        self.runner.run(self.read_all())
        heads, log = self.stored()
        for follower in live:
            self.runner.run(follower.settled(heads))
        for follower in self.followers:
            for key, frames in follower.heard.items():
                assert all(log[key][seq - 1] == text for seq, text in frames.items())
        self.assert_states_and_events_agree(log, heads)
        for (account_id, name), order_id in self.told.orders.items():
            assert list(
                Order.objects.filter(account=account_id, client_order_id=name).values_list("pk", flat=True)
            ) == [order_id]

    async def read_all(self) -> None:
        """Fetch every account's state anew."""
        for who in self.users.values():
            reader = Follower(self.server, who, self.users, self.told)
            await reader.connect()
            for account_id in who.sees:
                await reader.ask("get_snapshot", {"account_id": account_id})
            await reader.answered()
            await reader.die()

    def stored(self) -> tuple[dict[Key, Message], dict[Key, list[str]]]:
        heads = {
            (row.account_id, row.channel): {"epoch": row.epoch, "seq": row.seq}
            for row in Stream.objects.filter(account__in=self.accounts)
        }
        log: dict[Key, list[str]] = {key: [] for key in heads}
        rows = Event.objects.filter(stream__account__in=self.accounts).order_by("stream", "seq")
        for account_id, channel, seq, frame in rows.values_list("stream__account", "stream__channel", "seq", "frame"):
            log[account_id, channel].append(frame)
            assert seq == len(log[account_id, channel])
        assert {key: len(frames) for key, frames in log.items()} == {key: head["seq"] for key, head in heads.items()}
        return heads, log

    def assert_states_and_events_agree(self, log: dict[Key, list[str]], heads: dict[Key, Message]) -> None:
        """Hold every state that a client was told, with the events after it, to the one that was told last."""
        for account_id in {state["account_id"] for state in self.told.states}:
            told = [state for state in self.told.states if state["account_id"] == account_id]
            for channel, place in told[-1]["as_of"].items():
                assert place == heads[account_id, channel], "not the state that is stored"
            for state in told[:-1]:
                assert_leads_to(state, told[-1], log)
        self.told.states.clear()


def assert_leads_to(state: Message, last: Message, log: dict[Key, list[str]]) -> None:
    import json

    events = []
    for channel, place in state["as_of"].items():
        events += log[state["account_id"], channel][place["seq"] : last["as_of"][channel]["seq"]]
    reached = comparable(applied(state, [json.loads(text) for text in events]))
    wanted = comparable(last)
    if "balance" not in state:  # a bootstrap tells what is held, not what it is worth
        shared = {"account_id", "positions", "active_orders"}
        reached, wanted = ({key: found[key] for key in shared} for found in (reached, wanted))
    elif state["timestamp"][:10] != last["timestamp"][:10]:  # a new day has begun: its figures start anew
        for found in (reached, wanted):
            for key in ("daily_pnl", "daily_return_pct"):
                found.pop(key)
    assert reached == wanted


def test_every_client_gets_what_the_protocol_promises(server: Server, settings: Any) -> None:
    for name in (
        "MESSAGES_PER_S",
        "ORDERS_PER_S",
        "CANCELS_PER_S",
        "UNAUTHENTICATED_PER_ADDRESS",
        "SOCKETS_PER_ADDRESS",
    ):
        setattr(settings, f"HYPERORU_{name}", 0)
    Clients.server = server
    run_state_machine_as_test(Clients, settings=SETTINGS)


SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
