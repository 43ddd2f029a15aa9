"""Frames that are wrong in every way: real requests with something changed in them, and noise."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.serving import Message

NUMBERS = ["1e999", "-1e999", "1E-400", "-0.0", "0.1e1", "9" * 400, "1.0000000000000000000000001", "0e0", "-9" * 1]
"""JSON numbers as they are written: Python could not tell them apart."""
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 1.5, 2**53 - 1, 2**53, 2**63, 2**64, -(2**63), 10**40, 1e-30, "", " ", "1", "NaN",
    "Infinity", "-1e999999", "1e999999", "0x10", "BTC", "buy", "null", "\x00", "\u202e", "\ufeff", "💥" * 20, "é" * 80,
    "x" * 2_000, [], {}, [[]], [None], [1] * 70, ["trades"] * 65, {"": ""}, {"a": {"b": {"c": []}}},
    {"trades": {"seq": -1}},
]  # fmt: skip
KEYS = ["", "account_id", "Account_id", "account id", "sise", "\x00", "__proto__", "data", "x" * 500, "💥"]
IDS: list[Any] = [True, False, 1.5, -1.0, [], {}, 2**53, -(2**60), "x" * 65, "é" * 65]
"""Request ids that are none: such a frame is answered without one."""
TYPES: list[Any] = ["", "x" * 65, "place_odrer", "PING", "error", "snapshot", None, 1, True, [], {}, "\x00", "__init__"]


def _with(text: str, at: int, character: str) -> str:
    return text[:at] + character + text[at + 1 :]


BROKEN: list[Callable[[random.Random, str], str]] = [
    lambda rng, text: text[: rng.randrange(len(text))],
    lambda rng, text: text + rng.choice("}{],\"'\x00 1"),
    lambda rng, text: text.replace(":", rng.choice(["", "::", "=", ":NaN,", ":Infinity//"]), 1),
    lambda rng, text: text.replace('"', rng.choice(["'", "", "\x00", "\n", "\\"]), rng.randrange(1, 4)),
    lambda rng, text: _with(text, rng.randrange(len(text)), chr(rng.randrange(0x20))),
    lambda rng, text: _with(text, rng.randrange(len(text)), chr(rng.randrange(0x20, 0xD800))),
    lambda rng, text: text.replace('"data"', '"data":' + "[" * rng.choice([50, 2_000, 20_000]) + ',"data"'),
    lambda rng, text: "[" * rng.choice([1, 999, 30_000]),
    lambda rng, text: text.replace("account_id", rng.choice(["\\ud800", "\\udc00\\ud800", "\\u12", "\\x41"])),
    lambda rng, text: "".join(chr(rng.randrange(1, 0x300)) for _ in range(rng.randrange(60))),
]  # fmt: skip


@dataclass(frozen=True)
class Fuzzed:
    """A text and the id under which it must be answered; None where it may be answered without one."""

    text: str
    request_id: str | int | None


class Fuzzer:
    """Makes frames for one session, the same ones for the same seed."""

    def __init__(self, seed: object, token: str, accounts: list[int], orders: list[str]) -> None:
        self._rng = random.Random(str(seed))
        self._token = token
        self._accounts = accounts
        self._orders = orders
        self._number = 0

    def frame(self) -> Fuzzed:
        """Make the next frame."""
        rng = self._rng
        self._number += 1
        request_id: Any = self._number if rng.random() < 0.5 else f"f{self._number}"
        kind: Any = rng.choices(list(REQUESTS), WEIGHTS)[0]
        data: Any = REQUESTS[kind](self, rng)
        for _ in range(rng.choice((0, 0, 0, 1, 1, 2)) if kind in OFTEN_RIGHT else rng.choice((1, 1, 2, 3))):
            data = self._changed(kind, data)
        readable = True
        chance = rng.random()
        if chance < 0.03:
            request_id, readable = rng.choice(IDS), False
        elif chance < 0.06:
            kind = rng.choice(TYPES)
        message: Message = {"type": kind, "request_id": request_id, "data": data}
        if rng.random() < 0.05:
            message[rng.choice([key for key in KEYS if key != "data"])] = rng.choice(VALUES)
        text = self._written(message)
        if rng.random() < 0.12:
            return Fuzzed(rng.choice(BROKEN)(rng, text), None)
        return Fuzzed(text, request_id if readable else None)

    def _changed(self, kind: str, data: Any) -> Any:
        """Change one thing of a request's data."""
        rng = self._rng
        if not isinstance(data, dict) or rng.random() < 0.05:
            return data if kind == "connect" else rng.choice(VALUES)
        # A wrong token too many closes the socket: that has a test of its own.
        fields = [key for key in data if key != "session_token"]
        chance = rng.random()
        if chance < 0.65 and fields:
            key = rng.choice(fields)
            return {**data, key: rng.choice((*VALUES, *NUMBERS, *self._accounts))}
        if chance < 0.8 and fields:
            return {key: value for key, value in data.items() if key != rng.choice(fields)}
        return {**data, rng.choice(KEYS): rng.choice(VALUES)}

    def _written(self, message: Message) -> str:
        """Write a message as JSON, its numbers as they stand in `NUMBERS`, sometimes with a key twice."""
        text = json.dumps(message, ensure_ascii=self._rng.random() < 0.5)
        for number in NUMBERS:
            text = text.replace(f'"{number}"', number)
        if self._rng.random() < 0.03:
            text = text.replace('"data": {"', '"data": {"account_id": 1, "account_id": 1, "symbol": "X", "', 1)
        return text

    def account(self) -> int:
        return self._rng.choice(self._accounts)

    def order(self) -> Message:
        rng = self._rng
        market = rng.random() < 0.5
        order = {
            "account_id": self.account(),
            "symbol": rng.choice(["BTC", "ETH", "DOGE"]),
            "side": rng.choice(["buy", "sell"]),
            "size": rng.choice([0.001, "0.01", 1, 0.00000001, 10**9, "1e3"]),
            "order_type": "market" if market else "limit",
            "client_order_id": rng.choice(self._orders),
            "reduce_only": rng.random() < 0.2,
        }
        return order if market else {**order, "price": rng.choice([60_000, "70000", 68_500.05, 1e-9, 10**11])}


REQUESTS: dict[str, Callable[[Fuzzer, random.Random], Any]] = {
    "ping": lambda fuzzer, rng: {},
    "connect": lambda fuzzer, rng: {"session_token": fuzzer._token},
    "bootstrap": lambda fuzzer, rng: {},
    "get_snapshot": lambda fuzzer, rng: {"account_id": fuzzer.account()},
    "get_asset_curve": lambda fuzzer, rng: {
        "account_id": fuzzer.account(),
        "timeframe": rng.choice(["1h", "all", "2h"]),
    },
    "get_leaderboard": lambda fuzzer, rng: {"timeframe": rng.choice(["1h", "all", "2h"])},
    "get_instruments": lambda fuzzer, rng: {},
    "get_trades": lambda fuzzer, rng: {"account_id": fuzzer.account(), "cursor": rng.choice(["1", "x"]), "limit": 2},
    "get_orders": lambda fuzzer, rng: {"all_accounts": True, "status": rng.sample(["open", "filled", "lost"], 2)},
    "get_decisions": lambda fuzzer, rng: {"all_accounts": rng.random() < 0.5, "decision": rng.choice(["buy", "wait"])},
    "get_ledger": lambda fuzzer, rng: {"account_id": fuzzer.account(), "kind": rng.choice(["deposit", "gift"])},
    "get_funding": lambda fuzzer, rng: {"account_id": fuzzer.account(), "symbol": "BTC"},
    "get_users": lambda fuzzer, rng: {"search": rng.choice(["", "a", "%"])},
    "get_candles": lambda fuzzer, rng: {
        "symbol": rng.choice(["BTC", "X"]),
        "interval": rng.choice(["5s", "1d", "2d"]),
        "before": rng.choice(["2026-04-09T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "x"]),
        "limit": rng.choice([1, 1000, 1001]),
    },
    "subscribe": lambda fuzzer, rng: {
        "channels": rng.sample(["trades", "orders", "prices", "positions", "tradez"], 3),
        "account_id": fuzzer.account(),
        "resume": {"trades": {"epoch": rng.choice(["", "a"]), "seq": rng.choice([0, 5, 2**53])}},
    },
    "unsubscribe": lambda fuzzer, rng: {"channels": ["trades", "x" * 70]},
    "switch_account": lambda fuzzer, rng: {"account_id": fuzzer.account()},
    "switch_user": lambda fuzzer, rng: {"user_id": rng.randrange(9)},
    "place_order": lambda fuzzer, rng: fuzzer.order(),
    "cancel_order": lambda fuzzer, rng: {"account_id": fuzzer.account(), "client_order_id": rng.choice(fuzzer._orders)},
    "cancel_all_orders": lambda fuzzer, rng: {"account_id": fuzzer.account(), "symbol": rng.choice(["BTC", "X"])},
    "amend_order": lambda fuzzer, rng: {
        "account_id": fuzzer.account(),
        "client_order_id": rng.choice(fuzzer._orders),
        "price": rng.choice(["60000", 61000, "0.1"]),
    },
    "close_position": lambda fuzzer, rng: {"account_id": fuzzer.account(), "symbol": rng.choice(["BTC", "X"])},
    "submit_decision": lambda fuzzer, rng: {
        "account_id": fuzzer.account(),
        "symbol": "BTC",
        "decision": rng.choice(["buy", "hold", "close", "wait"]),
        "reasoning": "because",
        "client_decision_id": rng.choice(fuzzer._orders),
    },
    "preview_order": lambda fuzzer, rng: fuzzer.order(),
}
WEIGHTS = [4, 2, 1, 4, 3, 1, 1, 2, 2, 2, 1, 1, 1, 2, 5, 5, 4, 3, 40, 12, 6, 6, 3, 6, 6]
OFTEN_RIGHT = {
    "ping",
    "place_order",
    "cancel_order",
    "cancel_all_orders",
    "amend_order",
    "submit_decision",
    "preview_order",
}
