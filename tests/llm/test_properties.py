"""Whatever a model says, no order follows that the schema forbids, and every symbol has its decision."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.llm.given import MARKS, a_market, entry
from trading.agents.asking import AccountView
from trading.agents.llm.completion import Completion, NoCompletion, read_completion
from trading.agents.llm.deciding import Decisions
from trading.agents.llm.parsing import Unusable, read_reply
from trading.domain.commands import SubmitDecision
from trading.domain.enums import Action, DecisionStatus, RunTrigger, Side

D = Decimal
HELD = {"BTC": D("0.02"), "ETH": D("-1.5")}
VIEW = AccountView(
    1, datetime(2026, 1, 1, tzinfo=UTC), RunTrigger.HAND, D(10_000), D(10_000), D(9_000), D(0), D(0),
    {symbol: replace(a_market(symbol), position_size=HELD[symbol]) for symbol in MARKS}, run_id=5,
)  # fmt: skip
NUMBERS = st.one_of(
    st.decimals("-1", "100000", allow_nan=False, places=2).map(str),
    st.sampled_from(["NaN", "-0", "1e5", "66000", "68000", "2900", "3100", "670000", "0.000001", "", "9" * 15]),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True),
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "symbol": st.sampled_from(["BTC", "ETH", "DOGE"]),
    "action": st.sampled_from(["buy", "sell", "hold", "close", "wait"]),
    "notional": st.none() | NUMBERS,
    "leverage": st.none() | st.integers(-1, 60),
    "stop_loss": st.none() | NUMBERS,
    "take_profit": st.none() | NUMBERS,
    "confidence": NUMBERS,
    "reasoning": st.text(st.characters(codec=None), max_size=20),
    "extra": ANYTHING,
}


@st.composite
def entries(draw: st.DrawFn, *symbols: str) -> Any:
    """An entry that is right, or nearly so."""
    made = entry(draw(st.sampled_from(symbols)), draw(st.sampled_from(list(Action))).value)
    if made["action"] == "sell":
        made["stop_loss"], made["take_profit"] = made["take_profit"], made["stop_loss"]
    for name in draw(st.lists(st.sampled_from(list(FIELDS)), max_size=2, unique=True)):
        made[name] = draw(st.one_of(FIELDS[name], FIELDS[name], ANYTHING))
    return made


ENTRIES = st.one_of(
    st.tuples(entries("BTC"), entries("ETH")),
    st.tuples(entries("ETH"), entries("BTC"), entries(*MARKS)),
    st.lists(entries(*MARKS) | ANYTHING, max_size=3),
)
REPLIES = (ENTRIES.map(lambda said: {"decisions": said}) | ANYTHING).map(json.dumps)


def decisions(content: str) -> tuple[SubmitDecision, ...]:
    made = Decisions("llm", VIEW, str)
    try:
        said = read_reply(Completion(content, None, "stop", 1, 1), VIEW.symbols.keys())
    except Unusable as error:
        return made.holding(DecisionStatus.INVALID, str(error))
    return made.of_reply(said)


def assert_allowed(decision: SubmitDecision) -> None:
    market, order = VIEW.symbols[decision.symbol], decision.order
    assert decision.client_decision_id == f"llm:5:{decision.symbol}"
    assert (decision.decided_at, decision.decided_mark) == (VIEW.at, market.mark)
    assert decision.reasoning
    json.dumps(decision.facts)
    if decision.status is DecisionStatus.INVALID:
        assert (decision.action, order) == (Action.HOLD, None)
        assert decision.outcome.startswith("invalid: ")
        return
    assert (order is None) == (decision.action is Action.HOLD)
    if order is None:
        return
    assert (order.symbol, order.client_order_id) == (decision.symbol, decision.client_decision_id)
    assert order.size is not None
    assert market.instrument.size_is_valid(order.size)
    if decision.action is Action.CLOSE:
        assert order.reduce_only
        assert order.size * order.side.sign == -market.position_size
        return
    assert order.side is (Side.BUY if decision.action is Action.BUY else Side.SELL)
    assert order.leverage is not None
    assert 1 <= order.leverage <= market.instrument.max_leverage
    for bracket, sign in ((order.stop_loss, -1), (order.take_profit, 1)):
        if bracket is not None:
            assert (bracket.trigger_price - market.mark) * order.side.sign * sign > 0
            assert market.mark / 2 <= bracket.trigger_price <= market.mark * 2
            assert market.instrument.price_is_valid(bracket.trigger_price)


@given(REPLIES)
def test_no_reply_makes_an_order_that_is_forbidden(content: str) -> None:
    made = decisions(content)
    assert [each.symbol for each in made] == list(VIEW.symbols)
    for decision in made:
        assert_allowed(decision)


@given(st.text() | REPLIES.flatmap(lambda text: st.integers(0, len(text)).map(lambda end: text[:end])))
def test_no_text_is_more_than_a_reason_to_hold(content: str) -> None:
    for decision in decisions(content):
        assert_allowed(decision)


@given(st.binary() | ANYTHING.map(lambda each: json.dumps({"choices": [{"message": each}], "usage": each}).encode()))
def test_no_bytes_are_more_than_no_completion(body: bytes) -> None:
    with suppress(NoCompletion):
        read_completion(body, "application/json")
