"""The RSI model acts on closed bars by its rules, and says exactly what it saw."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from trading.agents import AgentView, SettingsError, Verdict, indicators, known_agents, make_agent, to_command
from trading.agents.rsi import RsiSupportResistance
from trading.domain.enums import Action, OrderType, Side
from trading.domain.instruments import Instrument, MarginTier
from trading.domain.market import Bar
from trading.market.feeds.candles import shipped_series

MODEL = "rsi_support_resistance"
BTC = Instrument("BTC", 5, (MarginTier(Decimal(0), 40),))
BARS = shipped_series({"BTC": BTC})["BTC"]
EQUITY = Decimal(10_000)
LIVELY = {"period": 7, "oversold": 40, "overbought": 60, "near_atr": 2, "lookback": 60}


def agent(**settings: Any) -> RsiSupportResistance:
    made = make_agent(MODEL, settings)
    assert isinstance(made, RsiSupportResistance)
    return made


def view_at(end: int, **changes: Any) -> AgentView:
    """What a model sees after the recorded bar `end` closed, flat unless told otherwise."""
    bars = BARS[max(0, end - 200) : end + 1]
    view = AgentView(symbol="BTC", instrument=BTC, bars=bars, mark=bars[-1].close, equity=EQUITY)
    return replace(view, **changes)


def verdicts(model: RsiSupportResistance, **changes: Any) -> list[tuple[AgentView, Verdict]]:
    """What the model says after every recorded bar, each time as if flat."""
    found = []
    for end in range(200, len(BARS)):
        view = view_at(end, **changes)
        verdict = model.decide(view)
        if verdict is not None:
            found.append((view, verdict))
    return found


def only(found: list[tuple[AgentView, Verdict]], *actions: Action) -> list[tuple[AgentView, Verdict]]:
    return [(view, verdict) for view, verdict in found if verdict.action in actions]


def held(view: AgentView, sign: int, entry: Decimal) -> AgentView:
    return replace(view, position_size=Decimal("0.5") * sign, entry_price=entry)


def series(*closes: float, reach: float = 1.0) -> tuple[Bar, ...]:
    """Bars with these closes, each opening at the close before it."""
    opened = datetime(2020, 1, 1, tzinfo=UTC)
    bars = []
    for number, close in enumerate(closes):
        first = Decimal(str(closes[max(0, number - 1)]))
        last = Decimal(str(close))
        span = Decimal(str(reach))
        bars.append(
            Bar(
                "BTC",
                number,
                opened + number * timedelta(minutes=1),
                first,
                max(first, last) + span,
                min(first, last) - span,
                last,
                Decimal(1),
            )
        )
    return tuple(bars)


# What it says


def assert_reasoning_is_of_facts(verdict: Verdict) -> None:
    told = re.findall(r"\d+(?:\.\d+)?", verdict.reasoning)
    known = {str(value) for value in verdict.facts.values()}
    assert told, verdict.reasoning
    assert set(told) <= known, (verdict.reasoning, verdict.facts)
    assert json.loads(json.dumps(verdict.facts)) == verdict.facts


def test_every_number_of_a_reasoning_is_one_of_its_facts() -> None:
    found = verdicts(agent(**LIVELY))
    assert {verdict.action for _, verdict in found} == {Action.BUY, Action.SELL, Action.HOLD}
    for _, verdict in found:
        assert_reasoning_is_of_facts(verdict)
    for sign in (1, -1):
        for view, _ in found[::7]:
            for offset in (-30, -3, 0, 3, 30):
                verdict = agent(**LIVELY).decide(held(view, sign, view.mark + offset))
                assert verdict is not None
                assert_reasoning_is_of_facts(verdict)


def test_facts_are_the_indicators_of_the_closed_bars() -> None:
    model = agent(**LIVELY)
    for view, verdict in verdicts(model)[::50]:
        bars = view.bars[-model.bars_needed :]
        read = indicators.Columns.of(bars)
        atr = indicators.atr(read.highs, read.lows, read.closes, 14)
        assert float(verdict.facts["rsi"]) == pytest.approx(indicators.rsi(read.closes, 7), abs=0.05)
        assert float(verdict.facts["atr"]) == pytest.approx(atr, rel=1e-3)
        assert Decimal(verdict.facts["close"]) == bars[-1].close


def test_an_entry_reads_like_a_trader_wrote_it() -> None:
    pattern = (
        r"RSI (oversold|overbought) at [\d.]+, (strong )?(support|resistance) at [\d.]+ \(\d+ touch(es)?\), "
        r"ATR [\d.]+; stop [\d.]+, target [\d.]+"
    )
    entries = only(verdicts(agent(**LIVELY)), Action.BUY, Action.SELL)
    assert len(entries) > 50
    for _, verdict in entries:
        assert re.fullmatch(pattern, verdict.reasoning), verdict.reasoning


def test_a_level_is_called_strong_from_three_touches() -> None:
    entries = only(verdicts(agent(**LIVELY)), Action.BUY)
    strong = {verdict.facts["support_touches"] >= 3 for _, verdict in entries if "strong" in verdict.reasoning}
    weak = {verdict.facts["support_touches"] >= 3 for _, verdict in entries if "strong" not in verdict.reasoning}
    assert (strong, weak) == ({True}, {False})


# When it enters


def test_it_buys_oversold_at_support_and_sells_overbought_at_resistance() -> None:
    entries = only(verdicts(agent(**LIVELY)), Action.BUY, Action.SELL)
    assert {verdict.action for _, verdict in entries} == {Action.BUY, Action.SELL}
    for _, verdict in entries:
        facts = {key: Decimal(str(value)) for key, value in verdict.facts.items()}
        near = 2 * facts["atr"]
        if verdict.action is Action.BUY:
            assert facts["rsi"] <= 40
            assert facts["close"] - facts["support"] <= near
            assert facts["stop"] < facts["close"] < facts["target"]
        else:
            assert facts["rsi"] >= 60
            assert facts["resistance"] - facts["close"] <= near
            assert facts["stop"] > facts["close"] > facts["target"]
        assert verdict.confidence is not None
        assert Decimal("0.4") <= verdict.confidence <= 1


def test_stop_and_target_are_multiples_of_the_atr() -> None:
    for _, verdict in only(verdicts(agent(**LIVELY, stop_atr=2, target_atr=5)), Action.BUY):
        close, atr = Decimal(verdict.facts["close"]), Decimal(verdict.facts["atr"])
        assert abs(Decimal(verdict.facts["stop"]) - (close - 2 * atr)) <= Decimal("0.05")
        assert abs(Decimal(verdict.facts["target"]) - (close + 5 * atr)) <= Decimal("0.05")


def test_the_usual_thresholds_are_stricter() -> None:
    usual, lively = (only(verdicts(agent(**s)), Action.BUY, Action.SELL) for s in ({}, LIVELY))
    assert 0 < len(usual) < len(lively) / 3


def test_without_shorts_it_never_sells() -> None:
    assert only(verdicts(agent(**LIVELY, allow_short=False)), Action.SELL) == []


def test_old_bars_and_a_forming_price_change_nothing() -> None:
    model = agent(**LIVELY, exchange_stops=False)
    for end in range(220, 1400, 60):
        view = view_at(end)
        assert model.decide(view) == model.decide(replace(view, bars=view.bars[-model.bars_needed :]))
        moved = model.decide(replace(view, mark=view.mark * 2))
        assert moved is not None
        assert moved.action is model.decide(view).action  # type: ignore[union-attr]


def test_stop_and_target_go_to_the_exchange_unless_the_model_watches_them() -> None:
    for view, verdict in only(verdicts(agent(**LIVELY)), Action.BUY, Action.SELL):
        assert (verdict.stop_loss, verdict.take_profit) == tuple(Decimal(verdict.facts[x]) for x in ("stop", "target"))
        order = to_command(MODEL, view, verdict).order
        assert order is not None
        assert order.stop_loss is not None
        assert order.stop_loss.trigger_price == verdict.stop_loss
    for _, verdict in only(verdicts(agent(**LIVELY, exchange_stops=False)), Action.BUY, Action.SELL):
        assert (verdict.stop_loss, verdict.take_profit) == (None, None)


def test_it_does_not_enter_where_the_price_is_beyond_its_stop_already() -> None:
    model = agent(**LIVELY)
    view, verdict = only(verdicts(model), Action.BUY)[0]
    assert verdict.stop_loss is not None
    late = model.decide(replace(view, mark=verdict.stop_loss))
    assert late is not None
    assert late.action is Action.HOLD
    assert "at the price already" in late.reasoning


def test_a_flat_market_gives_no_signal() -> None:
    bars = series(*[100.0] * 150, reach=0.0)
    verdict = agent().decide(view_at(300, bars=bars, mark=Decimal(100)))
    assert verdict is not None
    assert (verdict.action, verdict.confidence) == (Action.HOLD, None)
    assert "no signal" in verdict.reasoning


def test_with_too_few_bars_it_says_how_many_it_needs() -> None:
    model = agent()
    verdict = model.decide(view_at(500, bars=BARS[:30]))
    assert verdict is not None
    assert verdict.action is Action.HOLD
    assert verdict.facts == {"bars": 30, "bars_needed": model.bars_needed}
    assert_reasoning_is_of_facts(verdict)


# How much


def test_the_size_loses_the_risk_at_the_stop() -> None:
    for _, verdict in only(verdicts(agent(**LIVELY, risk_pct="0.1", stop_atr=3, leverage=40)), Action.BUY, Action.SELL):
        loss = Decimal(verdict.facts["size"]) * 3 * Decimal(verdict.facts["atr"])
        assert Decimal("9.99") < loss <= 10
        assert verdict.size == Decimal(verdict.facts["size"])


def test_the_size_is_clipped_by_the_leverage_and_shared_between_symbols() -> None:
    settings = {**LIVELY, "risk_pct": 50, "leverage": 3, "symbols": ["BTC", "ETH"]}
    for view, verdict in only(verdicts(agent(**settings)), Action.BUY, Action.SELL):
        assert verdict.size is not None
        assert Decimal(13_499) < verdict.size * view.mark <= EQUITY * 3 * Decimal("0.9") / 2
        assert verdict.leverage == 3


def test_leverage_is_capped_by_the_instrument() -> None:
    calm = replace(BTC, tiers=(MarginTier(Decimal(0), 2),))
    entries = only(verdicts(agent(**LIVELY, leverage=10, risk_pct=50), instrument=calm), Action.BUY)
    for view, verdict in entries:
        assert verdict.leverage == 2
        assert verdict.size is not None
        assert verdict.size * view.mark <= EQUITY * 2


@pytest.mark.parametrize("equity", ["1", "0", "-500"])
def test_a_poor_account_holds(equity: str) -> None:
    found = verdicts(agent(**LIVELY), equity=Decimal(equity))
    assert {verdict.action for _, verdict in found} == {Action.HOLD}
    assert any("least notional" in verdict.reasoning for _, verdict in found)


# When it leaves


def neutral_view() -> AgentView:
    """A bar at which the RSI is between both exit levels of the models below."""
    model = agent()
    for end in range(200, 1400):
        verdict = model.decide(view_at(end))
        if verdict is not None and 45 < Decimal(verdict.facts["rsi"]) < 55:
            return view_at(end)
    raise AssertionError("the day has no calm bar")


@pytest.mark.parametrize("sign", [1, -1])
def test_it_closes_at_the_stop_and_at_the_target_and_holds_between(sign: int) -> None:
    model = agent(exit_level=65, stop_atr=2, target_atr=3, exchange_stops=False)
    view = neutral_view()
    at_entry = model.decide(held(view, sign, view.mark))
    assert at_entry is not None
    assert at_entry.action is Action.HOLD
    atr = Decimal(at_entry.facts["atr"])
    tick = Decimal("0.2")
    for distance, expected, word in (
        (2 * atr + tick, Action.CLOSE, "Stop"),
        (2 * atr - tick, Action.HOLD, "Holding"),
        (-3 * atr + tick, Action.HOLD, "Holding"),
        (-3 * atr - tick, Action.CLOSE, "Target"),
    ):
        verdict = model.decide(held(view, sign, view.mark + sign * distance))
        assert verdict is not None
        assert verdict.action is expected
        assert verdict.reasoning.startswith(word)
        assert verdict.confidence == (1 if expected is Action.CLOSE else None)


@pytest.mark.parametrize("sign", [1, -1])
def test_it_closes_when_the_rsi_is_back_through_the_middle(sign: int) -> None:
    model = agent()
    seen = set()
    for end in range(200, 1400, 3):
        view = view_at(end)
        verdict = model.decide(held(view, sign, view.mark))
        assert verdict is not None
        back = (Decimal(verdict.facts["rsi"]) - 50) * sign >= 0
        assert (verdict.action is Action.CLOSE) == back
        if back:
            assert verdict.confidence is not None
            assert Decimal("0.5") <= verdict.confidence <= 1
        seen.add(back)
    assert seen == {True, False}


# How often it speaks


def test_holds_are_reported_every_so_often_and_actions_always() -> None:
    each, some = (verdicts(agent(**LIVELY, every=every)) for every in (1, 5))
    assert only(each, Action.BUY, Action.SELL) == only(some, Action.BUY, Action.SELL)
    assert [view.bars[-1].number for view, _ in each] == list(range(200, 1440))
    assert only(some, Action.HOLD) == [
        (view, verdict) for view, verdict in only(each, Action.HOLD) if view.bars[-1].number % 5 == 0
    ]


# The command


def test_an_entry_becomes_one_market_order() -> None:
    view, verdict = only(verdicts(agent(**LIVELY)), Action.SELL)[0]
    command = to_command("mine", view, verdict)
    number = view.bars[-1].number
    assert (command.model, command.symbol, command.action) == ("mine", "BTC", Action.SELL)
    assert (command.reasoning, command.facts, command.confidence) == (
        verdict.reasoning,
        verdict.facts,
        verdict.confidence,
    )
    assert command.client_decision_id == f"mine:BTC:{number}"
    order = command.order
    assert order is not None
    assert (order.side, order.order_type, order.reduce_only) == (Side.SELL, OrderType.MARKET, False)
    assert order.client_order_id == f"mine:BTC:{number}"
    assert order.size == verdict.size
    assert BTC.size_is_valid(order.size)
    assert to_command("mine", view, verdict) == command


def test_ids_fit_the_protocol() -> None:
    view, verdict = only(verdicts(agent(**LIVELY)), Action.SELL)[0]
    command = to_command(MODEL, view, verdict)
    assert command.client_decision_id is not None
    assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", command.client_decision_id)


@pytest.mark.parametrize(("sign", "side"), [(1, Side.SELL), (-1, Side.BUY)])
def test_a_close_reduces_the_whole_position(sign: int, side: Side) -> None:
    view = held(view_at(400), sign, Decimal(6700))
    order = to_command(MODEL, view, Verdict(Action.CLOSE, "Stop hit")).order
    assert order is not None
    assert (order.side, order.size, order.reduce_only, order.leverage) == (side, Decimal("0.5"), True, None)


def test_sizes_are_floored_to_the_lot_and_dust_is_no_order() -> None:
    view = view_at(400)
    order = to_command(MODEL, view, Verdict(Action.BUY, "r", size=Decimal("0.123459999"))).order
    assert order is not None
    assert order.size == Decimal("0.12345")
    for verdict in (
        Verdict(Action.BUY, "r", size=Decimal("0.0000099")),
        Verdict(Action.BUY, "r"),
        Verdict(Action.HOLD, "r"),
        Verdict(Action.CLOSE, "r"),
    ):
        assert to_command(MODEL, view, verdict).order is None


# Settings


def test_known_models_are_told() -> None:
    assert known_agents() == ("buy_and_hold", "donchian_breakout", "ema_macd", "random", MODEL)
    with pytest.raises(SettingsError, match="choose one of buy_and_hold, donchian_breakout"):
        make_agent("crystal_ball", {})


def test_settings_come_from_json() -> None:
    text = '{"symbols": ["ETH"], "period": 9, "oversold": 27.5, "risk_pct": "0.1", "allow_short": false}'
    made = agent(**json.loads(text))
    assert made.symbols == ("ETH",)
    assert (made.settings.oversold, made.settings.risk_pct) == (Decimal("27.5"), Decimal("0.1"))
    assert made.bars_needed >= 91


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"perod": 14}, "no setting 'perod'; choose from symbols, leverage"),
        ({"period": "14"}, "'period' must be a whole number, not '14'"),
        ({"period": True}, "'period' must be a whole number"),
        ({"period": 1}, "'period' must be from 2"),
        ({"oversold": "low"}, "'oversold' must be a number, not 'low'"),
        ({"oversold": float("nan")}, "'oversold' must be a number"),
        ({"oversold": 80}, "'oversold' < 'overbought'"),
        ({"exit_level": 20}, "'exit_level' must lie above"),
        ({"symbols": "BTC"}, "'symbols' must be a list of strings"),
        ({"symbols": []}, "at least one symbol"),
        ({"allow_short": 1}, "'allow_short' must be true or false"),
        ({"risk_pct": 0}, "'risk_pct' must be greater than 0"),
        ({"risk_pct": 101}, "'risk_pct' must be at most 100"),
        ({"every": -1}, "'every' must be 0 or more"),
        ({"symbols": ["BTC", "BTC"]}, "none twice"),
    ],
)
def test_bad_settings_are_told_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(message)):
        make_agent(MODEL, settings)


def test_confidence_grows_with_depth_strength_and_nearness() -> None:
    entries = only(verdicts(agent(**LIVELY)), Action.BUY)
    for _, verdict in entries:
        facts = {key: Decimal(str(value)) for key, value in verdict.facts.items()}
        depth = (40 - facts["rsi"]) / 40
        strength = min(facts["support_touches"], 3) / Decimal(3)
        nearness = 1 - max(Decimal(0), facts["close"] - facts["support"]) / (2 * facts["atr"])
        expected = Decimal("0.4") + Decimal("0.25") * depth + Decimal("0.2") * strength + Decimal("0.15") * nearness
        assert verdict.confidence is not None
        assert abs(verdict.confidence - expected) <= Decimal("0.005")
    assert np.std([float(verdict.confidence or 0) for _, verdict in entries]) > 0.05
