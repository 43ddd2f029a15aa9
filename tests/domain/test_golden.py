"""The rules agree with worked cases, figure by figure. `tests/data/SOURCES.md` tells where the cases come from."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.domain.given import NOW, a_market, a_position, a_quote, accepted, an_account, d, fills, refused, trades
from trading.domain import margin
from trading.domain.book import Level
from trading.domain.commands import FireTrigger, MoveCash, PlaceOrder, SettleFunding
from trading.domain.decider import Rejected, decide
from trading.domain.enums import (
    FillQuality,
    LedgerKind,
    Liquidity,
    MarginMode,
    OrderStatus,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    TradeStatus,
)
from trading.domain.equity import daily_return
from trading.domain.facts import Fact
from trading.domain.fees import FeeRates, fee
from trading.domain.funding import builder_premium, hourly_rate, premium
from trading.domain.instruments import Instrument, price_is_valid, size_is_valid, slippage_price, tiers_from
from trading.domain.journal import Journal
from trading.domain.liquidation import fraction_to_close
from trading.domain.market import Market
from trading.domain.marks import Ema, Inputs, mark_price
from trading.domain.money import truncate
from trading.domain.orders import Order
from trading.domain.policies import Policies
from trading.domain.positions import Position
from trading.domain.risk import Pool, pool_of, pool_with, pools, withdrawable

Case = dict[str, Any]
CASES: list[Case] = json.loads((Path(__file__).parent.parent / "data" / "cases.json").read_text())["cases"]
DEFAULT_TIERS = [[0, 50]]
"""What the cases assume of a symbol whose tiers they do not give."""
DEFAULT_LEVERAGE = 20
RICH = "1000000000"

NOT_YET = {
    "liq_price_bybit_linear": "the formula of another venue, kept for contrast",
}


def is_covered(case: Case) -> bool:
    return case["kind"] not in NOT_YET


def of_kind(kind: str) -> Any:
    """Run a test with each case of a kind that is covered."""
    found = [case for case in CASES if case["kind"] == kind and is_covered(case)]
    return pytest.mark.parametrize("case", found, ids=[name_of(case) for case in found])


def name_of(case: Case) -> str:
    """Name a case, and with it the real account's payload that it is compared with."""
    source = case["source"]["name"]
    return f"{case['id']}, {source}" if "real" in source else case["id"]


def close(actual: Decimal | None, expected: Any, tolerance: Decimal) -> bool:
    if actual is None or expected is None:
        return actual is None and expected is None
    return abs(actual - d(expected)) <= tolerance


def tolerance_of(case: Case, figure: str = "") -> Decimal:
    """Return the tolerance of a case, or the one that it gives a figure: ``0.000001 (return_on_equity 0.00001)``."""
    own = re.search(rf"{figure} ([0-9.e-]+)", case["tolerance"]) if figure else None
    return d(own.group(1) if own else case["tolerance"].split()[0])


def snake(reason: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter.group().lower()}", reason)


def assert_figures(actual: dict[str, Any], expected: dict[str, Any], tolerance: Decimal, where: str) -> None:
    """Compare all figures that are expected; numbers within the tolerance, all else exactly."""
    for name, figure in expected.items():
        value = actual[name]
        same = close(value, figure, tolerance) if isinstance(value, Decimal | None) else value == figure
        assert same, f"{where}: {name} is {value}, expected {figure}"


# Ledgers: the account after each event


class Ledger:
    """An account of the worked cases: takes their events and tells their figures."""

    def __init__(self, given: Case) -> None:
        self.rates = FeeRates(d(given["fee_rates"]["taker"]), d(given["fee_rates"]["maker"]))
        self.state = an_account(given["starting_balance"], fee_rates=self.rates)
        symbols = {event["symbol"] for event in given["events"] if "symbol" in event}
        tiers = given["margin_tiers"]
        self.instruments = {s: Instrument(s, 0, tiers_from(tiers.get(s, DEFAULT_TIERS))) for s in symbols}
        self.marks: dict[str, str] = {}
        self.hour = NOW
        self.realised = self.fees = self.received = d(0)

    @property
    def market(self) -> Market:
        quotes = [a_quote(mark, symbol) for symbol, mark in self.marks.items()]
        return a_market(*quotes, instruments=self.instruments.values())

    def take(self, event: Case) -> dict[str, Any]:
        """Apply one event; return what it tells besides the account."""
        return getattr(self, event["type"])(event) or {}

    def fill(self, event: Case) -> dict[str, Any]:
        symbol, side = event["symbol"], Side(event["side"])
        self.marks.setdefault(symbol, event["price"])
        state = self.state if "fee" not in event else replace(self.state, fee_rates=FeeRates(d(0), d(0)))
        leverage = event.get("leverage") or state.position(symbol, DEFAULT_LEVERAGE).leverage
        size, price = d(event["size"]), d(event["price"])
        order = Order(1, symbol, side, OrderType.LIMIT, size, price, leverage, NOW, NOW)
        journal = Journal(state, self.market, NOW)
        journal.set_margin_mode(symbol, mode_of(event.get("mode")), leverage)
        journal.set_leverage(symbol, leverage)
        journal.fill(order, size, price, Liquidity(event.get("role", "taker")), FillQuality.BOOK)
        [trade] = trades(journal.finish())
        paid = d(event.get("fee", trade.fee))
        self.state = replace(journal.state, fee_rates=self.rates, cash=journal.state.cash - paid + trade.fee)
        held = self.state.positions[symbol]
        if held.is_open and held.is_isolated:
            margin_left = held.isolated_margin - paid + trade.fee
            self.state = self.state.with_position(replace(held, isolated_margin=margin_left))
        self.fees += paid
        self.realised += trade.pnl or 0
        assert (trade.status is TradeStatus.CLOSED) == (trade.pnl is not None)
        told = {"symbol": symbol, "side": trade.side, "px": price, "sz": size, "fee": paid, "closed_pnl": trade.pnl}
        return {"fill": {**told, "start_position": trade.start_position}}

    def mark(self, event: Case) -> None:
        self.marks[event["symbol"]] = event["price"]

    def funding(self, event: Case) -> dict[str, Any]:
        self.hour += timedelta(hours=1)
        command = SettleFunding(event["symbol"], self.hour, d(event["rate"]), d(event["oracle"]))
        before, self.state = self.state, accepted(self.state, command, self.market).state
        received = self.state.cash - before.cash
        self.received += received
        return {"payment": received}

    def deposit(self, event: Case) -> None:
        amount = d(event["usd"])
        self.move(LedgerKind.DEPOSIT if amount > 0 else LedgerKind.WITHDRAWAL, amount)

    def move(self, kind: LedgerKind, amount: Decimal) -> None:
        self.state = accepted(self.state, MoveCash(kind, amount), self.market).state

    def figures(self) -> dict[str, Any]:
        state, market = self.state, self.market
        marks = state.marks(market)
        cross = pool_of(state, None, market)
        alone = [pool for pool in pools(state, market) if pool.symbol is not None]
        return {
            "equity": state.equity(market),
            "cross_account_value": cross.value,
            "realised_pnl": self.realised,
            "fees": self.fees,
            "funding": self.received,
            "withdrawable": withdrawable(state, market),
            "cross_maintenance_margin": cross.maintenance,
            "cross_liquidatable": cross.is_liquidatable,
            "cross_backstop": cross.is_for_backstop,
            "isolated": {
                pool.symbol: {"liquidatable": pool.is_liquidatable, "backstop": pool.is_for_backstop} for pool in alone
            },
            "positions": {
                p.symbol: position_figures(p, marks[p.symbol], pool, self.instruments[p.symbol])
                for pool in (cross, *alone)
                for p in pool.positions
            },
        }


def mode_of(name: str | None) -> MarginMode | None:
    return None if name is None else MarginMode(name)


def position_figures(position: Position, mark: Decimal, pool: Pool, instrument: Instrument) -> dict[str, Any]:
    value = position.value(mark)
    return {
        "side": position.side,
        "size": position.size,
        "entry_price": position.entry_price,
        "entry_notional": position.entry_notional,
        "mark_price": mark,
        "position_value": value,
        "unrealised_pnl": position.unrealized_pnl(mark),
        "margin_mode": position.margin_mode,
        "leverage": position.leverage,
        "margin_used": margin.position_margin(position, mark),
        "maintenance_margin": margin.maintenance(instrument.tiers, value).margin,
        "return_on_equity": margin.return_on_equity(position, mark),
        "liquidation_price": pool.liquidation_price(position, mark, instrument),
    }


def states(ledger: Ledger, events: list[Case]) -> Iterator[dict[str, Any]]:
    for event in events:
        told = ledger.take(event)
        yield {**ledger.figures(), **told}


@of_kind("ledger")
def test_ledger(case: Case) -> None:
    events, tolerance = case["input"]["events"], tolerance_of(case)
    steps = case["expected"].get("steps") or [case["expected"]["final"]]
    assert len(steps) == len(events)
    assert {k: v for k, v in steps[-1].items() if k in case["expected"]["final"]} == case["expected"]["final"]
    ledger = Ledger(case["input"])
    for number, (actual, expected) in enumerate(zip(states(ledger, events), steps, strict=True)):
        where = f"step {number}"
        plain = {k: v for k, v in expected.items() if k not in ("positions", "fill")}
        assert_figures(actual, plain, tolerance, where)
        assert actual["positions"].keys() == expected["positions"].keys()
        for symbol, figures in expected["positions"].items():
            assert_figures(actual["positions"][symbol], figures, tolerance, f"{where}, {symbol}")
        if "fill" in expected:
            told = {k: v for k, v in expected["fill"].items() if k != "dir"}
            assert_figures(actual["fill"], told, tolerance, f"{where}, fill")
        unrealised = sum((p["unrealised_pnl"] for p in actual["positions"].values()), d(0))
        deposits = d(case["input"]["starting_balance"]) + sum(d(e["usd"]) for e in events[: number + 1] if "usd" in e)
        assert actual["equity"] == deposits + ledger.realised - ledger.fees + ledger.received + unrealised
    if "real_collateral" in case["expected"]:
        [position] = ledger.figures()["positions"].values()
        assert position["margin_used"] == d(case["expected"]["real_collateral"]), "the real account's collateral"


def sign_of(row: Case) -> int:
    return 1 if d(row["szi"]) > 0 else -1


def own_cash(row: Case, raw: str) -> Decimal:
    """Return what the venue's raw balance is here: it counts the notional of a position in, cash does not."""
    return d(row[raw]) + d(row["entry_notional"]) * sign_of(row)


@of_kind("account_state")
def test_account_state(case: Case) -> None:
    given, expected = case["input"], case["expected"]
    rows = {row["symbol"]: row for row in given["positions"]}
    instruments = {s: Instrument(s, 0, tiers_from([[0, row["max_leverage"]]])) for s, row in rows.items()}
    positions = [
        Position(
            symbol,
            row["leverage"],
            PositionSide.LONG if d(row["szi"]) > 0 else PositionSide.SHORT,
            abs(d(row["szi"])),
            d(row["entry_notional"]),
            margin_mode=MarginMode(row["margin_mode"]),
            isolated_margin=own_cash(row, "isolated_raw_usd") if row["margin_mode"] == "isolated" else d(0),
        )
        for symbol, row in rows.items()
    ]
    cross = [row for row in rows.values() if row["margin_mode"] == "cross"]
    cash = d(given["cross_raw_usd"]) + sum(d(row["entry_notional"]) * sign_of(row) for row in cross)
    state = replace(an_account(positions=positions), cash=cash + sum(p.isolated_margin for p in positions))
    if held := given.get("open_order_margin"):  # as an order that holds as much
        order = Order(1, "HELD", Side.BUY, OrderType.LIMIT, d(1), d(held), 1, NOW, NOW)
        state = state.with_order(order)
    quotes = [a_quote(row["mark_price"], symbol) for symbol, row in rows.items()]
    market = a_market(*quotes, instruments=instruments.values())
    marks, tolerance = state.marks(market), tolerance_of(case)
    pool = pool_of(state, None, market)
    actual = {
        "cross_account_value": pool.value,
        "account_value": state.equity(market),
        "cross_maintenance_margin": pool.maintenance,
        "total_margin_used": margin.margin_used(positions, marks),
        "total_notional": sum((p.value(marks[p.symbol]) for p in positions), d(0)),
        "withdrawable": withdrawable(state, market),
    }
    assert_figures(actual, {k: v for k, v in expected.items() if k != "positions"}, tolerance, case["id"])
    for position in positions:
        symbol = position.symbol
        told = position_figures(position, marks[symbol], pool_with(state, symbol, market), instruments[symbol])
        for name, figure in expected["positions"][symbol].items():
            assert_figures(told, {name: figure}, tolerance_of(case, name), symbol)


# Liquidation prices


def tiers_with(rate: Decimal, deduction: Decimal) -> Any:
    """Build tiers whose upper one has this maintenance rate and deduction."""
    leverage = int(1 / (2 * rate))
    assert d(1) / (2 * leverage) == rate
    return tiers_from([[0, 2 * leverage], [deduction / (rate / 2), leverage]] if deduction else [[0, leverage]])


def side_of(given: Case) -> PositionSide:
    return PositionSide(given["side"])


@of_kind("liq_price_isolated")
def test_liq_price_isolated(case: Case) -> None:
    given = case["input"]
    size, mark = d(given["size"]), d(given["mark_price"])
    position = Position("X", int(given["leverage"]), side_of(given), size, size * d(given["entry_price"]))
    # What the venue tells as margin is what the position is worth.
    own = d(given["isolated_margin"]) - position.unrealized_pnl(mark)
    position = replace(position, margin_mode=MarginMode.ISOLATED, isolated_margin=own)
    instrument = Instrument("X", 0, tiers_from([[0, given["max_leverage"]]]))
    market = a_market(a_quote(given["mark_price"], "X"), instruments=[instrument])
    pool = pool_of(an_account(positions=[position]), "X", market)
    assert close(pool.liquidation_price(position, mark, instrument), case["expected"]["formula_value"], d("1e-8"))
    # The venue itself cut the maintenance margin at 1e-6 when these positions were read.
    as_read = replace(pool, maintenance=truncate(pool.maintenance)).liquidation_price(position, mark, instrument)
    assert close(as_read, case["expected"]["liquidation_price"], d("1e-8")), "the real position's"
    for name, actual in (
        ("unrealised_pnl", position.unrealized_pnl(mark)),
        ("return_on_equity", margin.return_on_equity(position, mark)),
    ):
        assert name not in case["expected"] or close(actual, case["expected"][name], d("1e-8"))


@of_kind("liq_price_isolated_amount")
def test_liq_price_isolated_amount(case: Case) -> None:
    given = case["input"]
    size, entry = d(given["size"]), d(given["entry"])
    position = Position("X", 1, side_of(given), size, size * entry)
    tiers = tiers_with(d(given["mmr"]), d(given["maintenance_amount"]))
    own = margin.maintenance(tiers, position.value(entry)).margin
    price = margin.liquidation_price(position, entry, d(given["isolated_margin"]), own, tiers)
    assert close(price, case["expected"]["liquidation_price"], tolerance_of(case))


@of_kind("liq_price_cross_multi")
def test_liq_price_cross_multi(case: Case) -> None:
    given = case["input"]
    rows = {row["symbol"]: row for row in given["positions"]}
    instruments = {
        symbol: Instrument(symbol, 0, tiers_with(d(row["mmr"]), d(row["maintenance_amount"])))
        for symbol, row in rows.items()
    }
    marks = {symbol: d(row["mark"]) for symbol, row in rows.items()}
    positions = [
        Position(symbol, 1, side_of(row), d(row["size"]), d(row["size"]) * d(row["entry"]))
        for symbol, row in rows.items()
    ]
    value = margin.account_value(d(given["wallet_balance"]), positions, marks)
    maintenance = margin.cross_maintenance(positions, marks, instruments)
    for position in positions:
        tiers = instruments[position.symbol].tiers
        price = margin.liquidation_price(position, marks[position.symbol], value, maintenance, tiers)
        assert close(price, case["expected"][position.symbol], tolerance_of(case))
        assert close(price, case["expected"][f"{position.symbol}_full"], d("1e-8"))


@of_kind("liquidation_size")
def test_liquidation_size(case: Case) -> None:
    given = case["input"]
    share = fraction_to_close(d(given["position_value"]), Policies(), in_cooldown=given["in_cooldown"])
    assert share == d(case["expected"]["fraction"])


@of_kind("maintenance_margin")
def test_maintenance_margin(case: Case) -> None:
    result = margin.maintenance(tiers_from(case["input"]["tiers"]), d(case["input"]["notional"]))
    assert close(result.margin, case["expected"]["maintenance_margin"], tolerance_of(case))
    assert close(result.rate, case["expected"]["rate"], d("1e-10"))
    assert close(result.deduction, case["expected"]["deduction"], d("1e-8"))
    assert result.max_leverage == case["expected"]["max_leverage"]


# Numbers


@of_kind("fee")
def test_fee(case: Case) -> None:
    given = case["input"]
    assert fee(d(given["price"]), d(given["size"]), d(given["rate"])) == d(case["expected"]["fee"])


@of_kind("price_valid")
def test_price_valid(case: Case) -> None:
    assert price_is_valid(d(case["input"]["price"]), case["input"]["sz_decimals"]) is case["expected"]["valid"]


@of_kind("size_valid")
def test_size_valid(case: Case) -> None:
    assert size_is_valid(d(case["input"]["size"]), case["input"]["sz_decimals"]) is case["expected"]["valid"]


@of_kind("slippage_price")
def test_slippage_price(case: Case) -> None:
    given = case["input"]
    price = slippage_price(d(given["mid"]), d(given["slippage"]), Side(given["side"]), given["sz_decimals"])
    assert price == d(case["expected"]["limit_price"])


@of_kind("daily")
def test_daily(case: Case) -> None:
    given, expected = case["input"], case["expected"]
    result = daily_return(d(given["equity_day_open"]), d(given["equity_now"]), d(given["net_deposits_today"]))
    assert close(result.pnl, expected["daily_pnl"], tolerance_of(case))
    assert close(result.return_pct, expected["daily_return_pct"], tolerance_of(case))


# Funding and marks


@of_kind("funding_rate")
def test_funding_rate(case: Case) -> None:
    rate = hourly_rate(d(case["input"]["average_premium"]))
    assert close(rate, case["expected"]["hourly_rate"], tolerance_of(case))


@of_kind("premium_index")
def test_premium_index(case: Case) -> None:
    given = case["input"]
    formula = builder_premium if given["hip3"] else premium
    actual = formula(d(given["impact_bid"]), d(given["impact_ask"]), d(given["oracle"]))
    assert close(actual, case["expected"]["premium"], tolerance_of(case))


@of_kind("mark_price")
def test_mark_price(case: Case) -> None:
    given = case["input"]
    names = {"bid": "best_bid", "ask": "best_ask", "last": "last", "perp": "cex_perp_median"}
    known = {name: d(given[told]) for name, told in names.items() if given.get(told) is not None}
    actual = mark_price(Inputs(d(given["oracle"]), **known), d(given["ema_mid_minus_oracle"]))
    assert close(actual, case["expected"]["mark_price"], tolerance_of(case))


@of_kind("mark_ema")
def test_mark_ema(case: Case) -> None:
    ema = Ema()
    for (seconds, sample), expected in zip(case["input"]["samples"], case["expected"]["ema"], strict=True):
        ema = ema.after(d(seconds), d(sample), case["input"]["tau_s"])
        assert close(ema.value, expected, tolerance_of(case))


# Orders, through the decider


def booked(book: Case, mark: str) -> Market:
    return a_market(a_quote(mark, bids=book["bids"], asks=book["asks"]))


def total(of: list[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((size for _, size in of), d(0))


@of_kind("book_walk")
def test_book_walk(case: Case) -> None:
    given, expected = case["input"], case["expected"]
    market, side = booked(given["book"], given["mid"]), Side(given["side"])
    policies = Policies(market_slippage=d(given["slippage"]))
    command = PlaceOrder("BTC", side, d(given["size"]))
    result = accepted(an_account(RICH), command, market, NOW, policies)
    [order] = result.orders
    assert order.price == d(expected["limit_price"]) == d(given["limit"])
    assert fills(result.facts) == [(d(level["price"]), d(level["size"])) for level in expected["fills"]]
    assert order.filled_size == d(expected["filled"])
    assert order.remaining == d(expected["remaining"])
    assert order.filled_notional == d(expected["notional"])
    assert order.average_price == d(expected["avg_price"])
    assert sum(trade.fee for trade in trades(result.facts)) == d(expected["taker_fee_total_0_045pct"])
    assert order.status == (OrderStatus.FILLED if expected["order_status"] == "filled" else OrderStatus.CANCELED)


@of_kind("book_walk")
def test_book_walk_of_an_immediate_limit_order(case: Case) -> None:
    given, expected = case["input"], case["expected"]
    command = PlaceOrder(
        "BTC", Side(given["side"]), d(given["size"]), OrderType.LIMIT, d(given["limit"]), TimeInForce(given["tif"])
    )
    result = accepted(an_account(RICH), command, booked(given["book"], given["mid"]))
    assert fills(result.facts) == [(d(level["price"]), d(level["size"])) for level in expected["fills"]]


@of_kind("reduce_only")
def test_reduce_only(case: Case) -> None:
    given, expected = case["input"], case["expected"]
    position = [a_position(given["position"])] if d(given["position"]) else []
    command = PlaceOrder("BTC", Side(given["side"]), d(given["size"]), reduce_only=True)
    state, market = an_account(RICH, positions=position), a_market(a_quote("67000"))
    if not expected["accepted"]:
        assert refused(state, command, market).reason == snake(expected["error"])
        return
    [order] = accepted(state, command, market).orders
    assert order.size == order.filled_size == d(expected["effective_size"])


@of_kind("order_admission")
def test_order_admission(case: Case) -> None:
    given, expected = case["input"], case["expected"]
    command = PlaceOrder(
        "BTC",
        Side(given.get("side", "buy")),
        d(given["size"]),
        OrderType.LIMIT,
        d(given["price"]),
        leverage=given["leverage"],
    )
    state, market = an_account(given["equity"]), a_market(a_quote(given["price"], bids=[], asks=[]))
    if not expected["accepted"]:
        assert refused(state, command, market).reason == snake(expected["error"])
        return
    assert close(accepted(state, command, market).state.order_margin(), expected["margin"], tolerance_of(case))


@of_kind("order_lifecycle")
def test_order_lifecycle(case: Case) -> None:
    given, expected = case["input"]["order"], case["expected"]
    book = case["input"]["book"] | given.get("book_override", {})
    command = PlaceOrder(
        "BTC",
        Side(given["side"]),
        d(given["size"]),
        OrderType(given["type"]),
        d(given["price"]) if "price" in given else None,
        TimeInForce(given["tif"]) if "tif" in given else None,
    )
    policies = Policies(market_slippage=d(given.get("slippage", "0.05")))
    decided = decide(an_account(RICH), command, booked(book, "67000"), NOW, policies)
    facts: tuple[Fact, ...] = ()
    if isinstance(decided, Rejected):
        assert expected["status"] == "rejected"
        assert decided.error.reason == snake(expected["reason"])
    else:
        [order] = decided.orders
        facts = decided.facts
        assert order.status == expected["status"]
        assert order.filled_size == d(expected.get("filled", total(fills(facts))))
        assert order.remaining == d(expected.get("remaining", expected.get("resting", order.remaining)))
        assert order.average_price == d(expected["avg"]) if "avg" in expected else True
    assert fills(facts) == [(d(price), d(size)) for price, size in expected["fills"]]


@of_kind("trigger")
def test_trigger(case: Case) -> None:
    given = case["input"]
    kind = OrderType(given["type"])
    command = PlaceOrder("BTC", Side(given["side"]), d("0.1"), kind, trigger_price=d(given["trigger"]))
    result = accepted(an_account(RICH), command, a_market(a_quote(given["marks"][0])))
    [order], state, fired_at = result.orders, result.state, None
    for mark in given["marks"]:
        # What is traded, however far from the mark, does not count.
        trades = tuple(Level(d(price), d(1)) for price in given.get("last_trades", ()))
        decided = accepted(state, FireTrigger(order.ref), a_market(a_quote(mark, trades=trades)))
        if fired_at is None and decided.state.orders[order.ref].triggered_at is not None:
            fired_at = mark
        state = decided.state
    assert fired_at == case["expected"]["fires_at"]
    assert (state.orders[order.ref].status is OrderStatus.FILLED) == (fired_at is not None)


# Nothing is skipped in silence


def test_every_case_is_run_or_named_as_not_yet_covered() -> None:
    run = {
        case["id"]
        for test in globals().values()
        for mark in getattr(test, "pytestmark", [])
        if mark.name == "parametrize"
        for case in mark.args[1]
    }
    assert run == {case["id"] for case in CASES if is_covered(case)}
    assert {case["kind"] for case in CASES if case["id"] not in run} == NOT_YET.keys()
    assert sum(case["kind"] in ("ledger", "account_state") for case in CASES) == 41
