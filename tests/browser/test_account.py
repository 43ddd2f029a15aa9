"""An account's page: its chart, its tabs, its model chat, and the ways between them."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import WebSocketRoute, expect

from accounts.models import Account, Role
from realtime.models import Event, Stream
from tests.browser.conftest import Screen
from tests.builders import a_user, access, an_account, an_order, done, execute, set_price
from trading.domain.commands import CancelAllOrders, SubmitDecision
from trading.domain.enums import Action, OrderType

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

AXE = Path("node_modules/axe-core/axe.min.js")
LONG = "Support held twice, and the trend of the hour is up. " * 12


def a_decision(action: Action = Action.BUY, reasoning: str = "RSI oversold at 28", **values: object) -> SubmitDecision:
    return SubmitDecision("rsi", "BTC", action, reasoning, **values)  # type: ignore[arg-type]


def sizes(screen: Screen, panel: str) -> Any:
    return screen.rows(panel).locator('[data-cell="size"]')


def many_trades(account: Account, count: int) -> None:
    sides = ["buy", "sell"]
    for start in range(0, count, 20):
        execute(account, *[an_order("0.001", sides[number % 2]) for number in range(start, min(count, start + 20))])


def test_tabs_follow_the_keyboard_and_stay_in_the_address(screen: Screen) -> None:
    screen.open_account()
    tabs = screen.page.get_by_role("tab")
    expect(tabs).to_have_text(["Positions 0", "Open orders 0", "Trades", "Order history", "Ledger", "Funding"])

    screen.tab("Positions")
    screen.page.keyboard.press("ArrowRight")
    expect(screen.page.get_by_role("tab", name="Open orders")).to_be_focused()
    expect(screen.page.get_by_role("tabpanel")).to_have_attribute("id", "orders")
    screen.page.keyboard.press("ArrowRight")
    expect(screen.page).to_have_url(f"{screen.cable.url}/accounts/{screen.first.pk}/#trades")
    screen.page.keyboard.press("End")
    expect(screen.page.get_by_role("tab", selected=True)).to_have_text("Funding")
    screen.page.keyboard.press("ArrowRight")
    expect(screen.page).to_have_url(f"{screen.cable.url}/accounts/{screen.first.pk}/")
    screen.page.keyboard.press("ArrowLeft")
    screen.page.reload()
    screen.expect_state("Live")
    expect(screen.page.get_by_role("tabpanel")).to_have_attribute("id", "funding")
    expect(screen.page.locator("#funding .empty")).to_contain_text("No funding was settled yet")

    screen.switcher().select_option("Second")
    expect(screen.page).to_have_url(f"{screen.cable.url}/accounts/{screen.second.pk}/#funding")


def test_a_long_list_is_read_in_pages_and_keeps_few_rows(screen: Screen) -> None:
    screen.run(many_trades, screen.first, 130)
    screen.open_account()
    screen.tab("Trades")
    expect(screen.rows("trades").first).to_have_attribute("aria-rowindex", "2")
    region = screen.page.locator("#trades .scroll")

    for known in ("51", "101", "131"):
        expect(screen.page.locator("#trades table")).to_have_attribute("aria-rowcount", known)
        region.evaluate("(element) => { element.scrollTop = element.scrollHeight; }")
    expect(screen.rows("trades").last).to_have_attribute("aria-rowindex", "131")
    assert screen.rows("trades").count() < 60

    # What comes above leaves in place what is read.
    region.evaluate("(element) => { element.scrollTop = 1500; }")
    expect(screen.rows("trades").last).not_to_have_attribute("aria-rowindex", "131")
    middle = screen.rows("trades").nth(20)
    key = middle.get_attribute("data-key")
    place = screen.page.locator(f'#trades tbody [data-key="{key}"]')
    before = place.bounding_box()
    screen.run(done, screen.first, an_order("0.7"))
    expect(screen.page.locator("#trades table")).to_have_attribute("aria-rowcount", "132")
    after = place.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["y"] - after["y"]) < 2
    region.evaluate("(element) => { element.scrollTop = 0; }")
    expect(screen.cell("trades", "size")).to_have_text("0.7")


def test_a_decision_leads_to_its_order_and_trades_and_back(screen: Screen) -> None:
    decision = screen.run(done, screen.first, a_decision(reasoning=LONG)).decision_id
    screen.run(done, screen.first, an_order("0.3", decision_id=decision))
    screen.run(many_trades, screen.first, 60)
    screen.open_account()
    chat = screen.decisions().first

    chat.get_by_role("button", name="Order").click()
    expect(screen.page.get_by_role("tab", selected=True)).to_have_text("Order history")
    found = screen.page.locator("#history tr.found")
    expect(found).to_be_focused()
    expect(found.locator('[data-cell="size"]')).to_have_text("0.3")
    expect(found).to_be_in_viewport()

    chat.get_by_role("button", name="Trades").click()
    found = screen.page.locator("#trades tr.found")
    expect(found.locator('[data-cell="size"]')).to_have_text("0.3")
    expect(found).to_be_in_viewport()

    found.get_by_role("button", name="Why").click()
    expect(chat).to_be_focused()
    expect(chat.get_by_role("button", name="Less")).to_have_attribute("aria-expanded", "true")


def test_reasoning_unfolds(screen: Screen) -> None:
    screen.run(done, screen.first, a_decision(reasoning="Short."))
    screen.run(done, screen.first, a_decision(reasoning=LONG, confidence=Decimal("0.7")))
    screen.open_account()
    expect(screen.decisions()).to_have_count(2)
    folded, short = screen.decisions().nth(0), screen.decisions().nth(1)
    text = folded.locator(".reasoning")
    low = text.evaluate("(element) => element.clientHeight")

    button = folded.get_by_role("button", name="More")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.press("Enter")

    expect(folded.get_by_role("button", name="Less")).to_have_attribute("aria-expanded", "true")
    assert text.evaluate("(element) => element.clientHeight") > low
    expect(short.get_by_role("button", name="More")).to_have_count(0)


def test_the_order_history_has_a_filter_and_goes_on_by_events(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.open_account()
    screen.tab("Order history")
    expect(screen.cell("history", "status")).to_have_text("Filled")

    screen.run(done, screen.first, an_order("0.2", price="60000"))
    expect(sizes(screen, "history")).to_have_text(["0.2", "0.1"])
    screen.page.get_by_label("Status", exact=True).select_option("Open")
    expect(sizes(screen, "history")).to_have_text(["0.2"])
    screen.run(done, screen.first, CancelAllOrders())
    expect(screen.page.locator("#history .empty")).to_have_text("No such order.")
    screen.page.get_by_label("Status", exact=True).select_option("Canceled")
    expect(sizes(screen, "history")).to_have_text(["0.2"])


def test_the_ledger_begins_with_the_capital(screen: Screen) -> None:
    screen.open_account()
    screen.tab("Ledger")

    expect(screen.rows("ledger")).to_have_count(1)
    expect(screen.cell("ledger", "amount")).to_have_text("+10,000.00")


def test_the_chart_shows_what_the_account_has_at_which_price(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.5"))
    screen.run(done, screen.first, an_order("0.1", price="60000"))
    screen.run(
        done,
        screen.first,
        an_order("0.5", "sell", order_type=OrderType.STOP_MARKET, trigger_price=Decimal(65000), reduce_only=True),
    )
    screen.open_account()

    levels = screen.page.locator("#price-levels .what")
    expect(levels).to_have_text(["Long 0.5 entry", "Liquidation", "Buy 0.1 limit", "Stop, Sell 0.5"])
    expect(screen.page.locator("#price canvas").first).to_be_visible()
    expect(screen.page.get_by_label("Symbol on the chart")).to_have_value("BTC")
    expect(screen.page.locator("#price-candle")).to_contain_text("C 68,500.00")
    expect(screen.cell("positions", "exits")).to_have_text("– / 65,000.00")

    set_price("BTC", "69000")
    expect(screen.page.locator("#price-candle")).to_contain_text("C 69,000.00")
    screen.page.get_by_role("radio", name="5m", exact=True).check()
    expect(screen.page.locator("#price-candle")).to_contain_text("C 69,000.00")
    screen.run(done, screen.first, CancelAllOrders())
    expect(levels).to_have_text(["Long 0.5 entry", "Liquidation"])

    screen.page.get_by_label("Symbol on the chart").select_option("ETH")
    expect(levels).to_have_count(0)
    assert screen.noticed.problems == []


def test_a_table_is_saved_as_csv(screen: Screen) -> None:
    set_price("BTC", "68501.5")
    screen.run(done, screen.first, an_order("0.0002"))
    screen.run(done, screen.first, a_decision(reasoning='=1+1, "so"\nit is'))
    screen.open_account()
    screen.tab("Trades")
    expect(screen.rows("trades")).to_have_count(1)

    name, rows = saved(screen, lambda: screen.page.locator("#trades").get_by_role("button", name="CSV").click())
    assert name.startswith("hyperoru-first-trades-20")
    assert name.endswith(".csv")
    head, row = rows
    told = dict(zip(head, row, strict=True))
    assert (told["symbol"], told["side"], told["size"], told["pnl"]) == ("BTC", "buy", "0.0002", "")
    assert told["timestamp"].endswith("Z")
    assert told["fee"].startswith("0.00")

    _, rows = saved(screen, lambda: screen.page.locator("#model-chat").get_by_role("button", name="CSV").click())
    assert rows[1][rows[0].index("reasoning")] == '\'=1+1, "so"\nit is'


def saved(screen: Screen, act: Callable[[], None]) -> tuple[str, list[list[str]]]:
    with screen.page.expect_download() as download:
        act()
    text = Path(download.value.path()).read_bytes().decode()
    assert text.endswith("\r\n")
    return download.value.suggested_filename, list(csv.reader(io.StringIO(text, newline="")))


def test_who_may_not_trade_sees_no_buttons_and_is_told_why(screen: Screen) -> None:
    other = screen.run(an_account, screen.run(a_user), name="Other")
    screen.run(access, other, screen.user, Role.VIEWER)
    for account in (screen.first, other):
        screen.run(done, account, an_order("0.1"))
        screen.run(done, account, an_order("0.1", price="60000"))
    screen.run(Account.objects.filter(pk=screen.second.pk).update, status="frozen")

    screen.open_account()
    expect(screen.page.locator('#positions [data-action="close-position"]')).to_have_attribute("data-symbol", "BTC")
    expect(screen.page.locator('#positions [data-action="bracket"]')).to_have_count(1)
    expect(screen.page.locator("#account-status")).to_be_hidden()
    screen.tab("Open orders")
    expect(screen.page.locator('#orders [data-action="cancel-order"]')).to_have_count(1)
    expect(screen.page.locator('#orders [data-action="amend-order"]')).to_have_count(1)
    expect(screen.page.locator('[data-action="cancel-all"]')).to_be_visible()

    screen.switcher().select_option(str(other.pk))
    expect(screen.cell("orders", "size")).to_have_text("0.1")
    expect(screen.page.locator('#orders td .row-action, [data-action="cancel-all"]:visible')).to_have_count(0)
    screen.tab("Positions")
    expect(screen.rows("positions")).to_have_count(1)
    expect(screen.page.locator("#positions td .row-action")).to_have_count(0)

    screen.switcher().select_option(str(screen.second.pk))
    expect(screen.page.locator("#account-status")).to_contain_text("This account is frozen")


def test_a_late_answer_for_another_account_is_not_shown(screen: Screen) -> None:
    screen.run(many_trades, screen.first, 60)
    screen.run(done, screen.second, an_order("0.3"))
    held: list[Callable[[], None]] = []

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def down(frame: str | bytes) -> None:
            if '"next_cursor"' in str(frame) and f'"account_id":{screen.first.pk}' in str(frame).replace(" ", ""):
                held.append(lambda: page.send(frame))
            else:
                page.send(frame)

        server.on_message(down)

    screen.page.route_web_socket("**/ws", between)
    screen.log_in(path=f"/accounts/{screen.first.pk}/")
    while not held:
        screen.page.evaluate("() => new Promise(requestAnimationFrame)")
    screen.switcher().select_option("Second")
    screen.tab("Trades")
    expect(screen.rows("trades")).to_have_count(0)
    for send in held:
        send()
    screen.expect_state("Live")
    expect(sizes(screen, "trades")).to_have_text(["0.3"])


def test_lists_whose_log_is_gone_are_read_anew(screen: Screen) -> None:
    screen.open_account()
    screen.tab("Trades")
    screen.run(done, screen.first, an_order("0.1"))
    expect(sizes(screen, "trades")).to_have_text(["0.1"])

    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    screen.run(done, screen.first, an_order("0.2"))
    screen.run(done, screen.first, an_order("0.4", price="60000"))
    streams = Stream.objects.filter(account=screen.first, channel__in=["trades", "orders"])
    screen.run(lambda: (Event.objects.filter(stream__in=streams).delete(), streams.update(floor=F("seq"))))
    screen.cable.mend()

    screen.expect_state("Live")
    expect(sizes(screen, "trades")).to_have_text(["0.2", "0.1"])
    screen.tab("Open orders")
    expect(sizes(screen, "orders")).to_have_text(["0.4"])
    screen.run(done, screen.first, an_order("0.3", "sell", reduce_only=True))
    screen.tab("Trades")
    expect(sizes(screen, "trades")).to_have_text(["0.3", "0.2", "0.1"])


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(screen: Screen, width: int, scheme: Any) -> None:
    screen.page.emulate_media(color_scheme=scheme)
    screen.page.set_viewport_size({"width": width, "height": 900})
    screen.run(done, screen.first, a_decision(reasoning=LONG))
    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.first, an_order("0.1", price="60000"))
    screen.open_account()
    expect(screen.rows("positions")).to_have_count(1)
    for tab in ("Positions", "Open orders", "Trades", "Order history", "Ledger"):
        screen.tab(tab)
        expect(screen.page.get_by_role("tabpanel").locator("tbody tr").first).to_be_visible()
        screen.page.evaluate(AXE.read_text())
        found = screen.page.evaluate("async () => (await axe.run('#account-view')).violations")
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
        assert screen.page.evaluate("document.documentElement.scrollWidth") == width
