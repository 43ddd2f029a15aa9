"""The live page in a real browser, before the real server."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Screen
from tests.builders import an_order, done, set_price
from trading.domain.commands import CancelAllOrders, RecordEquity, SubmitDecision
from trading.domain.enums import Action

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def a_decision(action: Action = Action.BUY, reasoning: str = "RSI oversold at 28", **values: object) -> SubmitDecision:
    return SubmitDecision("rsi", "BTC", action, reasoning, **values)  # type: ignore[arg-type]


def test_the_page_asks_for_a_log_in(screen: Screen) -> None:
    screen.page.goto(screen.cable.url)

    expect(screen.page).to_have_url(f"{screen.cable.url}/login/?next=/")
    expect(screen.page.get_by_label("Username")).to_be_focused()
    expect(screen.page.get_by_label("Username")).to_have_attribute("autocomplete", "username")
    expect(screen.page.get_by_label("Password")).to_have_attribute("autocomplete", "current-password")


def test_a_wrong_password_is_told(screen: Screen) -> None:
    screen.log_in("wrong")

    expect(screen.page.get_by_role("alert")).to_contain_text("correct username and password")
    expect(screen.page.get_by_label("Username")).to_have_value("ada")


def test_after_the_log_in_the_accounts_are_there_and_nothing_is_made_up(screen: Screen) -> None:
    screen.open_account()

    expect(screen.switcher().locator("option")).to_have_text(["All accounts", "First", "Second"])
    expect(screen.figure("equity")).to_have_text("10,000.00")
    expect(screen.page.locator("#positions .empty")).to_have_text("No open position.")
    screen.tab("Open orders")
    expect(screen.page.locator("#orders .empty")).to_have_text("No open order.")
    screen.tab("Trades")
    expect(screen.page.locator("#trades .empty")).to_have_text("Waiting for the first trade…")
    expect(screen.page.locator("#model-chat .empty")).to_have_text("Waiting for the first decision…")
    expect(screen.page.locator("#latency")).to_contain_text("ms")
    expect(screen.page.get_by_role("link", name="Admin")).to_have_count(0)


def test_a_trade_appears_with_its_position_and_what_it_did_to_the_equity(screen: Screen) -> None:
    screen.open_account()

    screen.run(done, screen.first, an_order("0.5"))

    expect(screen.cell("positions", "symbol")).to_have_text("BTC")
    expect(screen.cell("positions", "side")).to_have_text("Long")
    expect(screen.cell("positions", "mark")).to_have_text("68,500.00")
    expect(screen.cell("positions", "liquidation")).to_contain_text(",")
    expect(screen.figure("equity")).to_contain_text("9,9")
    expect(screen.figure("daily-pnl")).to_contain_text("−")
    expect(screen.figure("margin-used")).not_to_have_text("0.00")
    expect(screen.page.locator("#equity canvas").first).to_be_visible()
    screen.tab("Trades")
    expect(screen.rows("trades")).to_have_count(1)
    expect(screen.cell("trades", "side")).to_have_text("Buy")
    expect(screen.cell("trades", "size")).to_have_text("0.5")
    expect(screen.cell("trades", "pnl")).to_have_text("–")


def test_the_mark_moves_the_position_and_the_price(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.open_account()

    set_price("BTC", "70000")

    expect(screen.page.locator("#price-mark")).to_have_text("70,000.00")
    expect(screen.cell("positions", "mark")).to_have_text("70,000.00")
    expect(screen.cell("positions", "upnl")).to_contain_text("+1")
    expect(screen.figure("unrealized-pnl")).to_contain_text("+1")


def test_a_closed_position_leaves_and_its_trade_tells_the_pnl(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.open_account()
    expect(screen.rows("positions")).to_have_count(1)

    set_price("BTC", "70000")
    screen.run(done, screen.first, an_order("0.1", "sell", reduce_only=True))

    expect(screen.rows("positions")).to_have_count(0)
    expect(screen.page.locator("#positions .empty")).to_have_text("No open position.")
    screen.tab("Trades")
    expect(screen.rows("trades")).to_have_count(2)
    expect(screen.cell("trades", "pnl")).to_contain_text("+1")


def test_an_open_order_stays_until_it_is_canceled(screen: Screen) -> None:
    screen.open_account()
    screen.tab("Open orders")

    screen.run(done, screen.first, an_order("0.1", price="60000"))

    expect(screen.rows("orders")).to_have_count(1)
    expect(screen.cell("orders", "type")).to_have_text("Limit")
    expect(screen.cell("orders", "price")).to_have_text("60,000.00")
    expect(screen.cell("orders", "status")).to_have_text("Open")
    screen.run(done, screen.first, CancelAllOrders())
    expect(screen.rows("orders")).to_have_count(0)


def test_a_decision_appears_as_text_and_holds_can_be_hidden(screen: Screen) -> None:
    screen.open_account()
    evil = "<img src=x onerror=alert(1)> RSI oversold at 28"

    screen.run(done, screen.first, a_decision(reasoning=evil, confidence=Decimal("0.7")))
    screen.run(done, screen.first, a_decision(Action.HOLD, "RSI neutral"))

    expect(screen.decisions().locator(".badge")).to_have_text(["Hold", "Buy"])
    expect(screen.decisions().last.locator(".reasoning")).to_have_text(evil)
    expect(screen.decisions().last.locator(".outcome")).to_contain_text("70% confident")
    expect(screen.page.locator("#model-chat img")).to_have_count(0)
    screen.page.get_by_role("checkbox", name="Hide holds").check()
    expect(screen.decisions().locator(".badge")).to_have_text(["Buy"])


def test_a_reload_shows_the_same_account_with_its_last_trades_and_decisions(screen: Screen) -> None:
    screen.run(done, screen.second, an_order("0.1"))
    screen.run(done, screen.second, a_decision())
    screen.open_account()
    screen.tab("Trades")
    expect(screen.rows("trades")).to_have_count(0)

    screen.switcher().select_option("Second")
    expect(screen.rows("trades")).to_have_count(1)
    screen.page.reload()

    screen.expect_state("Live")
    expect(screen.switcher()).to_have_value(str(screen.second.pk))
    expect(screen.rows("trades")).to_have_count(1)
    expect(screen.decisions()).to_have_count(1)


def test_another_account_shows_nothing_of_the_one_before(screen: Screen) -> None:
    screen.open_account()
    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.first, an_order("0.2", price="60000"))
    screen.run(done, screen.first, a_decision())
    expect(screen.rows("positions")).to_have_count(1)
    expect(screen.decisions()).to_have_count(1)

    screen.switcher().select_option("Second")
    expect(screen.figure("equity")).to_have_text("10,000.00")
    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.second, an_order("0.3", "sell"))

    expect(screen.cell("positions", "side")).to_have_text("Short")
    expect(screen.rows("positions")).to_have_count(1)
    screen.tab("Trades")
    expect(screen.cell("trades", "size")).to_have_text("0.3")
    expect(screen.rows("trades")).to_have_count(1)
    screen.tab("Open orders")
    expect(screen.page.locator("#orders .empty")).to_have_text("No open order.")
    expect(screen.rows("orders")).to_have_count(0)
    expect(screen.decisions()).to_have_count(0)


def test_a_lost_connection_comes_back_with_all_that_happened_meanwhile(screen: Screen) -> None:
    screen.open_account()
    screen.tab("Trades")
    screen.run(done, screen.first, an_order("0.1"))
    expect(screen.rows("trades")).to_have_count(1)

    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    screen.run(done, screen.first, an_order("0.2"))
    screen.run(done, screen.first, an_order("0.4", price="60000"))
    screen.run(done, screen.first, a_decision())
    screen.run(done, screen.first, RecordEquity())
    screen.cable.mend()

    screen.expect_state("Live")
    expect(screen.rows("trades").locator('[data-cell="size"]')).to_have_text(["0.2", "0.1"])
    screen.tab("Positions")
    expect(screen.cell("positions", "size")).to_have_text("0.3")
    screen.tab("Open orders")
    expect(screen.cell("orders", "size")).to_have_text("0.4")
    expect(screen.decisions()).to_have_count(1)
    screen.run(done, screen.first, an_order("0.3", "sell", reduce_only=True))
    screen.tab("Positions")
    expect(screen.rows("positions")).to_have_count(0)
    screen.tab("Trades")
    expect(screen.rows("trades")).to_have_count(3)


def test_an_account_chosen_while_the_connection_is_lost_is_shown_after_it(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.second, an_order("0.3"))
    screen.open_account()
    expect(screen.cell("positions", "size")).to_have_text("0.1")

    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    screen.switcher().select_option("Second")
    screen.cable.mend()

    screen.expect_state("Live")
    expect(screen.cell("positions", "size")).to_have_text("0.3")
