"""What all rules keep to, and what each trades on."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading.agents import AgentView, SettingsError, Verdict, indicators, known_agents, make_agent, to_command
from trading.agents.indicators import Columns
from trading.domain.enums import Action
from trading.domain.instruments import Instrument, MarginTier
from trading.market.feeds.candles import shipped_series

BTC = Instrument("BTC", 5, (MarginTier(Decimal(0), 40),))
BARS = shipped_series({"BTC": BTC})["BTC"]
EQUITY = Decimal(10_000)
SIGNALS = ("donchian_breakout", "ema_macd", "random")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def views(**changes: Any) -> Iterator[AgentView]:
    for end in range(250, len(BARS)):
        bars = BARS[end - 249 : end + 1]
        yield replace(AgentView("BTC", BTC, bars, bars[-1].close, EQUITY), **changes)


def verdicts(name: str, settings: dict[str, Any], **changes: Any) -> list[tuple[AgentView, Verdict]]:
    model = make_agent(name, settings)
    found = ((view, model.decide(view)) for view in views(**changes))
    return [(view, verdict) for view, verdict in found if verdict is not None]


def entries(name: str, **settings: Any) -> list[tuple[AgentView, Verdict]]:
    return [(v, x) for v, x in verdicts(name, {"every": 0, **settings}) if x.action in (Action.BUY, Action.SELL)]


@pytest.mark.parametrize("name", known_agents())
@pytest.mark.parametrize("size", ["0", "0.5", "-0.5"])
def test_every_number_of_a_reasoning_is_one_of_its_facts(name: str, size: str) -> None:
    held = {"position_size": Decimal(size), "entry_price": Decimal(6700) if Decimal(size) else None}
    found = verdicts(name, {}, **held)
    assert len(found) == len(BARS) - 250, "it reports each bar"
    for _, verdict in found:
        assert set(NUMBER.findall(verdict.reasoning)) <= {str(value) for value in verdict.facts.values()}
        assert verdict.facts
        assert json.loads(json.dumps(verdict.facts)) == verdict.facts
        assert (verdict.confidence is None) == (verdict.action is Action.HOLD)


@pytest.mark.parametrize("name", known_agents())
def test_holds_are_not_reported_where_none_are_asked_for_and_actions_always(name: str) -> None:
    every, never = (verdicts(name, {"every": every}) for every in (1, 0))
    assert [each for each in every if each[1].action is not Action.HOLD] == never


@pytest.mark.parametrize("name", known_agents())
def test_the_bars_alone_decide_whoever_looked_before(name: str) -> None:
    seen = {view.bars[-1].number: verdict for view, verdict in verdicts(name, {})}
    model = make_agent(name, {})
    for view in list(views())[::97]:
        for bars in (view.bars, view.bars[-model.bars_needed :]):
            assert make_agent(name, {}).decide(replace(view, bars=bars)) == seen[view.bars[-1].number]


@pytest.mark.parametrize("name", SIGNALS)
def test_an_entry_risks_what_it_may_and_gives_stop_and_target_to_the_exchange(name: str) -> None:
    found = entries(name, risk_pct="0.1", stop_atr=3, target_atr=5, leverage=40)
    assert {verdict.action for _, verdict in found} == {Action.BUY, Action.SELL}
    for view, verdict in found:
        sign = 1 if verdict.action is Action.BUY else -1
        close, atr = view.bars[-1].close, Decimal(verdict.facts["atr"])
        assert verdict.stop_loss is not None
        assert verdict.take_profit is not None
        assert verdict.size is not None
        assert abs(verdict.stop_loss - (close - sign * 3 * atr)) <= Decimal("0.05")
        assert abs(verdict.take_profit - (close + sign * 5 * atr)) <= Decimal("0.05")
        assert Decimal("9.99") < verdict.size * 3 * atr <= 10
        order = to_command(name, view, verdict).order
        assert order is not None
        assert order.stop_loss is not None
        assert order.take_profit is not None
        assert (order.stop_loss.trigger_price, order.take_profit.trigger_price) == (
            verdict.stop_loss,
            verdict.take_profit,
        )


@pytest.mark.parametrize("name", SIGNALS)
def test_sizes_are_clipped_by_the_leverage_and_shorts_can_be_forbidden(name: str) -> None:
    for view, verdict in entries(name, risk_pct=50, leverage=3, allow_short=False):
        assert verdict.action is Action.BUY
        assert verdict.size is not None
        assert Decimal(26_999) < verdict.size * view.mark <= EQUITY * 3 * Decimal("0.9")


@pytest.mark.parametrize("name", [*SIGNALS, "buy_and_hold"])
def test_a_poor_account_holds(name: str) -> None:
    assert {verdict.action for _, verdict in verdicts(name, {}, equity=Decimal(1))} == {Action.HOLD}


def test_the_trend_is_entered_on_a_fresh_cross_that_the_macd_agrees_with() -> None:
    found = entries("ema_macd")
    assert len(found) > 20
    for view, verdict in found:
        closes = Columns.of(view.bars[-make_agent("ema_macd", {}).bars_needed :]).closes
        cross = indicators.ema_cross(closes, 9, 21, 3)
        histogram = indicators.macd_histogram(closes, 12, 26, 9)
        assert cross is not None
        assert histogram is not None
        sign = 1 if verdict.action is Action.BUY else -1
        assert cross.crossed == sign
        assert histogram * sign > 0


def test_the_trend_is_left_where_the_averages_turn() -> None:
    held = {"position_size": Decimal(1), "entry_price": Decimal(6700)}
    for _, verdict in verdicts("ema_macd", {}, **held):
        fast, slow = (Decimal(verdict.facts[name]) for name in ("ema_fast", "ema_slow"))
        if fast != slow:
            assert (verdict.action is Action.CLOSE) == (fast < slow)


def test_a_breakout_closes_beyond_the_channel_of_the_bars_before() -> None:
    found = {view.bars[-1].number: verdict.action for view, verdict in entries("donchian_breakout")}
    assert set(found.values()) == {Action.BUY, Action.SELL}
    for view in views():
        before = view.bars[-21:-1]
        close = view.bars[-1].close
        expected = None
        if close > max(bar.high for bar in before):
            expected = Action.BUY
        elif close < min(bar.low for bar in before):
            expected = Action.SELL
        assert found.get(view.bars[-1].number) is expected


def test_a_breakout_is_left_beyond_the_shorter_channel() -> None:
    held = {"position_size": Decimal(-1), "entry_price": Decimal(6700)}
    for view, verdict in verdicts("donchian_breakout", {}, **held):
        leaves = view.bars[-1].close > max(bar.high for bar in view.bars[-11:-1])
        assert (verdict.action is Action.CLOSE) == leaves


def test_who_buys_and_holds_buys_once_and_spends_its_share() -> None:
    view = next(views())
    bought = make_agent("buy_and_hold", {"symbols": ["BTC", "ETH"]}).decide(view)
    assert bought is not None
    assert bought.size is not None
    assert (bought.action, bought.leverage, bought.stop_loss) == (Action.BUY, 1, None)
    assert Decimal(4_499) < bought.size * view.mark <= 4_500
    held = make_agent("buy_and_hold", {}).decide(replace(view, position_size=Decimal(1), entry_price=view.mark))
    assert held is not None
    assert held.action is Action.HOLD


def test_chance_is_the_same_for_a_seed_and_another_for_another() -> None:
    first, again, other = (entries("random", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert [view.bars[-1].number for view, _ in first] != [view.bars[-1].number for view, _ in other]
    assert 0.03 < len(first) / (len(BARS) - 250) < 0.07, "one of twenty bars"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("ema_macd", {"fast": 21}, "'fast' < 'slow'"),
        ("ema_macd", {"macd_slow": 12}, "'macd_fast' < 'macd_slow'"),
        ("ema_macd", {"fresh": 0}, "'fresh' must be from 1 to 200"),
        ("ema_macd", {"slow": 201}, "'slow' must be from 2 to 200"),
        ("donchian_breakout", {"exit_period": 21}, "'exit_period' must be at most 'period'"),
        ("donchian_breakout", {"period": 1}, "'period' must be from 2 to 500"),
        ("random", {"enter_pct": 101}, "from 0 to 100"),
        ("buy_and_hold", {"leverage": 0}, "'leverage' must be greater than 0"),
        ("buy_and_hold", {"risk_pct": 1}, "no setting 'risk_pct'"),
    ],
)
def test_bad_settings_are_told_by_name(name: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        make_agent(name, settings)
