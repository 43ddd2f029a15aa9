"""Trading from the page: the order ticket, and the dialogs that the rows' buttons open."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.models import Account
from tests.browser.axe import violations
from tests.browser.conftest import Screen
from tests.builders import access, an_account, an_order, done, set_price
from trading.models import Order, Trade

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


class Ticket:
    """The ticket of the first account's page."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.page: Page = screen.page
        self.submit = self.page.locator("#ticket-submit")
        self.panel = self.page.locator("#ticket")
        self.size = self.panel.get_by_label("Size", exact=True)
        self.price = self.panel.get_by_label("Limit price")
        self.toasts = self.page.locator(".toast")

    def open(self, account: Account | None = None) -> "Ticket":
        self.screen.open()
        self.page.goto(f"{self.screen.cable.url}/accounts/{(account or self.screen.first).pk}/")
        self.screen.expect_state("Live")
        return self

    def ask(self, kind: str, side: str = "Buy / Long", **fields: str) -> None:
        """Fill the ticket in: `kind` as `Stop, Limit`, fields by their ids."""
        self.page.get_by_role("radio", name=side).check()
        self.page.get_by_role("group", name="Order type").get_by_label(kind.split(", ")[0]).check()
        if ", " in kind:
            self.page.get_by_role("group", name="Then at the").get_by_label(kind.split(", ")[1]).check()
        for name, value in fields.items():
            self.page.locator(f"#ticket-{name}").fill(value)

    def place(self) -> None:
        self.submit.click()

    def told(self, name: str) -> Locator:
        return self.page.locator(f'#ticket-preview [data-preview="{name}"]')

    def problem(self, path: str) -> Locator:
        return self.page.locator(f'#ticket [data-path="{path}"] .field-error')

    def show(self, name: str) -> Locator:
        """Open a tab of the account's records and return its rows."""
        self.page.locator(f"#tab-{name}").click()
        return self.screen.rows(name)

    def press(self, action: str, **data: str) -> None:
        """Press a row's button."""
        marks = "".join(f'[data-{name.replace("_", "-")}="{value}"]' for name, value in data.items())
        self.page.locator(f'.row-action[data-action="{action}"]{marks}').first.click()


@pytest.fixture
def ticket(screen: Screen) -> Ticket:
    return Ticket(screen)


def orders(screen: Screen, account: Account | None = None) -> list[Order]:
    return screen.run(lambda: list(Order.objects.filter(account=account or screen.first).order_by("pk")))  # type: ignore[no-any-return]


TYPES: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
    ("Market", "Buy / Long", {}, {"order_type": "market", "status": "filled"}),
    ("Limit", "Buy / Long", {"price": "60000"}, {"order_type": "limit", "price": Decimal(60000), "status": "open"}),
    (
        "Stop, Market",
        "Buy / Long",
        {"trigger": "70000"},
        {"order_type": "stop_market", "trigger_price": Decimal(70000)},
    ),
    (
        "Stop, Limit",
        "Sell / Short",
        {"trigger": "66000", "price": "65900"},
        {"order_type": "stop_limit", "trigger_price": Decimal(66000), "price": Decimal(65900)},
    ),
    ("Take profit, Market", "Sell / Short", {"trigger": "70000"}, {"order_type": "take_profit_market"}),
    (
        "Take profit, Limit",
        "Buy / Long",
        {"trigger": "66000", "price": "66100"},
        {"order_type": "take_profit_limit", "price": Decimal(66100)},
    ),
]


@pytest.mark.parametrize(("kind", "side", "fields", "expected"), TYPES, ids=[each[0] for each in TYPES])
def test_each_type_is_placed_and_seen(
    ticket: Ticket, kind: str, side: str, fields: dict[str, str], expected: dict[str, Any]
) -> None:
    ticket.open()

    ticket.ask(kind, side, size="0.01", **fields)
    ticket.place()

    expect(ticket.toasts).to_contain_text("filled 0.01" if kind == "Market" else "placed")
    expect(ticket.show("positions" if kind == "Market" else "orders")).to_have_count(1)
    [order] = orders(ticket.screen)
    assert {name: getattr(order, name) for name in expected} == expected
    assert order.side == side.split(" ")[0].lower()
    assert order.size == Decimal("0.01")
    assert order.client_order_id
    expect(ticket.size).to_have_value("")


def test_only_the_fields_that_an_order_needs_are_there(ticket: Ticket) -> None:
    ticket.open()
    needs = {
        "Market": (False, False),
        "Limit": (False, True),
        "Stop, Market": (True, False),
        "Take profit, Limit": (True, True),
    }

    for kind, (trigger, price) in needs.items():
        ticket.ask(kind)
        expect(ticket.panel.get_by_label("Trigger price")).to_be_visible(visible=trigger)
        expect(ticket.price).to_be_visible(visible=price)
        expect(ticket.panel.get_by_label("Time in force")).to_be_visible(visible=price)


def test_what_goes_with_a_limit_order_is_sent(ticket: Ticket) -> None:
    ticket.open()

    ticket.ask("Limit", size="0,01", price="60000")
    ticket.page.get_by_label("Time in force").select_option("alo")
    ticket.page.locator("#ticket-leverage").fill("5")
    ticket.page.get_by_role("radio", name="Isolated").check()
    ticket.page.get_by_label("Take profit / stop loss").check()
    ticket.page.locator("#ticket-tp-percent").fill("10")
    ticket.page.locator("#ticket-sl-trigger").fill("57000")
    expect(ticket.page.locator("#ticket-tp-trigger")).to_have_value("66000")
    expect(ticket.page.locator("#ticket-sl-percent")).to_have_value("5")
    ticket.page.locator("#ticket-sl-price").fill("56900")
    ticket.place()

    expect(ticket.show("orders")).to_have_count(3)
    parent, *brackets = orders(ticket.screen)
    assert (parent.time_in_force, parent.leverage) == ("alo", 5)
    assert {(each.order_type, each.trigger_price) for each in brackets} == {
        ("take_profit_market", Decimal(66000)),
        ("stop_limit", Decimal(57000)),
    }
    assert [each.price for each in brackets if each.order_type == "stop_limit"] == [Decimal(56900)]


def test_a_refusal_stands_at_its_field_and_goes_when_it_is_mended(ticket: Ticket) -> None:
    ticket.open()
    price = ticket.price

    ticket.ask("Limit", size="0.01", price="60000.55")
    ticket.place()

    expect(ticket.problem("price")).to_be_visible()
    expect(price).to_have_attribute("aria-invalid", "true")
    expect(price).to_be_focused()
    described = price.get_attribute("aria-describedby")
    expect(ticket.page.locator(f"#{described}")).to_be_visible()
    assert orders(ticket.screen) == []
    price.fill("60000")
    expect(ticket.problem("price")).to_have_count(0)
    expect(price).not_to_have_attribute("aria-invalid", "true")
    ticket.place()
    expect(ticket.show("orders")).to_have_count(1)


REFUSED: list[tuple[str, dict[str, str], str, Callable[[Page], None]]] = [
    ("Market", {"size": "50"}, "size", lambda page: None),
    ("Market", {"size": ""}, "size", lambda page: None),
    (
        "Limit",
        {"size": "0.01", "price": "70000"},
        "price",
        lambda page: page.locator("#ticket-tif").select_option("alo") and None,
    ),
    ("Market", {"size": "0.01", "leverage": "60"}, "leverage", lambda page: None),
    ("Market", {"size": "0.01"}, "reduce_only", lambda page: page.get_by_label("Reduce only").check()),
    ("Stop, Market", {"size": "0.01", "trigger": "60000"}, "trigger_price", lambda page: None),
    ("Market", {"size": "word"}, "size", lambda page: None),
]


@pytest.mark.parametrize(
    ("kind", "fields", "path", "also"), REFUSED, ids=[f"{each[2]}-{index}" for index, each in enumerate(REFUSED)]
)
def test_each_refusal_finds_its_field(
    ticket: Ticket, kind: str, fields: dict[str, str], path: str, also: Callable[[Page], None]
) -> None:
    ticket.open()

    ticket.ask(kind, **fields)
    also(ticket.page)
    ticket.place()

    expect(ticket.problem(path)).to_be_visible()
    assert orders(ticket.screen) == []


def test_a_bracket_on_the_wrong_side_is_told_at_its_trigger(ticket: Ticket) -> None:
    ticket.open()

    ticket.ask("Market", size="0.01")
    ticket.page.get_by_label("Take profit / stop loss").check()
    ticket.page.locator("#ticket-sl-trigger").fill("70000")
    ticket.place()

    expect(ticket.problem("stop_loss.trigger_price")).to_be_visible()
    expect(ticket.page.locator("#ticket-sl-trigger")).to_be_focused()


def test_what_has_no_field_is_told_in_one_alert(ticket: Ticket) -> None:
    ticket.open()
    ticket.ask("Market", size="0.01")

    ticket.screen.run(lambda: Account.objects.filter(pk=ticket.screen.first.pk).update(status="frozen"))
    ticket.place()

    expect(ticket.page.locator("#ticket-alert")).to_contain_text("frozen")
    assert orders(ticket.screen) == []


def test_the_preview_is_what_happens(ticket: Ticket) -> None:
    ticket.open()

    ticket.ask("Market", size="0.03")
    expect(ticket.told("notional")).not_to_have_text("–")
    seen = {
        name: ticket.told(name).inner_text()
        for name in ("average_price", "fee", "margin_required", "liquidation_price", "withdrawable_after")
    }
    ticket.place()

    expect(ticket.show("positions")).to_have_count(1)
    [trade] = ticket.screen.run(lambda: list(Trade.objects.all()))
    assert seen["average_price"] == f"{trade.price:,.2f}"
    assert seen["fee"] == f"{trade.fee:.2f} (0.045%)"
    expect(ticket.screen.cell("positions", "liquidation")).to_have_text(seen["liquidation_price"])
    expect(ticket.screen.figure("withdrawable")).to_have_text(seen["withdrawable_after"])


def test_the_size_follows_the_slider_and_can_be_said_in_usdc(ticket: Ticket) -> None:
    ticket.open()
    page = ticket.page
    most = page.locator("#ticket-max")
    expect(most).to_contain_text("BTC")
    possible = Decimal(most.inner_text().split()[0].replace(",", ""))

    page.get_by_role("button", name="25%").click()
    expect(ticket.size).not_to_have_value("")
    asked = Decimal(ticket.size.input_value())
    assert asked == (possible / 4).quantize(Decimal("0.00001"), "ROUND_DOWN")
    page.locator("#ticket-leverage").fill("20")
    expect(ticket.size).not_to_have_value(str(asked))
    assert Decimal(ticket.size.input_value()) > asked
    page.get_by_label("Unit of the size").select_option("quote")
    ticket.size.fill("685")
    expect(page.locator("#ticket-size-told")).to_have_text("0.01 BTC")
    ticket.place()

    expect(ticket.show("positions")).to_have_count(1)
    assert orders(ticket.screen)[0].size == Decimal("0.01")


def test_arrow_keys_step_by_tick_and_lot(ticket: Ticket) -> None:
    ticket.open()
    ticket.ask("Limit", size="0.01", price="60000")

    ticket.price.press("ArrowUp")
    ticket.price.press("Shift+ArrowUp")
    ticket.size.press("ArrowDown")

    expect(ticket.price).to_have_value("60011")
    expect(ticket.size).to_have_value("0.00999")


def test_what_is_large_is_asked_once_more(ticket: Ticket) -> None:
    ticket.open()
    dialog = ticket.page.locator("#confirm-order")
    ticket.ask("Market", size="0.05")

    ticket.size.press("Enter")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("of the equity")
    assert violations(ticket.page) == []
    ticket.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(ticket.submit).to_have_text("Buy BTC")
    assert orders(ticket.screen) == []
    ticket.size.press("Enter")
    expect(dialog).to_be_visible()
    ticket.page.keyboard.press("Enter")

    expect(ticket.show("positions")).to_have_count(1)
    assert len(orders(ticket.screen)) == 1


def test_a_lost_answer_is_asked_for_again_and_places_once(ticket: Ticket) -> None:
    screen = ticket.open().screen
    ticket.ask("Market", size="0.05")
    ticket.place()
    expect(ticket.page.locator("#confirm-order")).to_be_visible()

    screen.cable.swallow()
    ticket.page.keyboard.press("Enter")
    expect(ticket.submit).to_have_text("Placing…")
    watch = screen.context.new_page()  # the desk has carried it out when another page sees it
    watch.goto(f"http://127.0.0.1:{screen.cable.target}/accounts/{screen.first.pk}/")
    log_in_there(watch, screen)
    expect(watch.locator("#positions tbody tr")).to_have_count(1)
    screen.cable.cut()
    expect(ticket.toasts).to_contain_text("The answer was lost")
    screen.expect_state("Reconnecting…")
    expect(ticket.submit).to_be_disabled()
    expect(ticket.submit).to_have_text("No connection")
    screen.cable.mend()

    screen.expect_state("Live")
    expect(ticket.toasts).to_have_text("Buy BTC: filled 0.05 at 68,504.00.×")
    assert len(orders(screen)) == 1


def log_in_there(page: Page, screen: Screen) -> None:
    if "/login/" in page.url:
        page.get_by_label("Username").fill(screen.user.username)
        page.get_by_label("Password").fill("correct horse battery")
        page.get_by_role("button", name="Log in").click()


def test_an_order_that_never_arrived_is_placed_after_the_reconnect(ticket: Ticket) -> None:
    screen = ticket.open().screen
    ticket.ask("Market", size="0.05")
    ticket.place()
    expect(ticket.page.locator("#confirm-order")).to_be_visible()

    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    ticket.page.keyboard.press("Enter")
    expect(ticket.toasts).to_contain_text("The answer was lost")
    assert orders(screen) == []
    screen.cable.mend()

    expect(ticket.toasts).to_contain_text("filled 0.05")
    assert len(orders(screen)) == 1


def test_an_order_is_amended_and_canceled_from_its_row(ticket: Ticket) -> None:
    screen = ticket.screen
    screen.run(done, screen.first, an_order("0.1", price="60000"))
    ticket.open()
    [order] = orders(screen)
    expect(ticket.show("orders")).to_have_count(1)

    ticket.press("amend-order", order_id=str(order.pk))
    dialog = ticket.page.get_by_role("dialog", name="Amend order")
    expect(dialog.get_by_label("Limit price")).to_have_value("60000")
    expect(dialog.get_by_label("Size")).to_have_value("0.1")
    assert violations(ticket.page) == []
    dialog.get_by_label("Limit price").fill("60000.55")
    dialog.get_by_label("Limit price").press("Enter")
    expect(dialog.get_by_label("Limit price")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Limit price").fill("61000")
    dialog.get_by_label("Size").fill("0,2")
    dialog.get_by_role("button", name="Amend").click()
    expect(dialog).to_be_hidden()
    expect(screen.cell("orders", "price")).to_have_text("61,000.00")
    expect(screen.cell("orders", "size")).to_contain_text("0.2")

    ticket.press("cancel-order", order_id=str(order.pk))
    expect(ticket.show("orders")).to_have_count(0)
    expect(ticket.toasts.last).to_contain_text("canceled")


def test_all_orders_are_canceled_after_a_question(ticket: Ticket) -> None:
    screen = ticket.screen
    for price in ("60000", "61000"):
        screen.run(done, screen.first, an_order("0.01", price=price))
    ticket.open()
    expect(ticket.show("orders")).to_have_count(2)

    ticket.press("cancel-all")
    dialog = ticket.page.get_by_role("dialog", name="Cancel all orders")
    expect(dialog).to_contain_text("2 open orders")
    dialog.get_by_role("button", name="Back").click()
    expect(ticket.show("orders")).to_have_count(2)
    ticket.press("cancel-all")
    ticket.page.keyboard.press("Enter")

    expect(ticket.show("orders")).to_have_count(0)
    expect(ticket.toasts.last).to_contain_text("2 orders")


def test_a_position_is_closed_by_halves(ticket: Ticket) -> None:
    screen = ticket.screen
    screen.run(done, screen.first, an_order("0.03"))
    ticket.open()
    expect(ticket.show("positions")).to_have_count(1)

    ticket.press("close-position", symbol="BTC")
    dialog = ticket.page.get_by_role("dialog", name="Close BTC")
    dialog.get_by_label("50%").check()
    expect(dialog.locator('[data-preview="size"]')).to_have_text("0.015")
    assert violations(ticket.page) == []
    dialog.get_by_role("button", name="Close at the market").click()
    expect(dialog).to_be_hidden()
    expect(screen.cell("positions", "size")).to_contain_text("0.015")
    expect(ticket.toasts.last).to_contain_text("Sell BTC: filled 0.015")

    ticket.press("close-position", symbol="BTC")
    expect(dialog).to_be_visible()
    ticket.page.keyboard.press("Enter")
    expect(ticket.show("positions")).to_have_count(0)


def test_a_position_gets_take_profit_and_stop_loss_and_they_move(ticket: Ticket) -> None:
    screen = ticket.screen
    screen.run(done, screen.first, an_order("0.03"))
    ticket.open()
    expect(ticket.show("positions")).to_have_count(1)

    ticket.press("bracket", symbol="BTC")
    dialog = ticket.page.get_by_role("dialog", name="Take profit and stop loss, BTC")
    profit, loss = (
        dialog.get_by_role("group", name=name).get_by_label("Trigger") for name in ("Take profit", "Stop loss")
    )
    profit.fill("60000")
    dialog.get_by_role("button", name="Save").click()
    expect(profit).to_have_attribute("aria-invalid", "true")
    profit.fill("75000")
    loss.fill("65000")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    expect(ticket.show("orders")).to_have_count(2)

    ticket.show("positions")
    ticket.press("bracket", symbol="BTC")
    expect(profit).to_have_value("75000")
    profit.fill("76000")
    loss.fill("")
    assert violations(ticket.page) == []
    loss.press("Enter")
    expect(dialog).to_be_hidden()
    expect(ticket.show("orders")).to_have_count(1)
    [order] = [each for each in orders(screen) if each.status == "pending_trigger"]
    assert (order.order_type, order.trigger_price, order.whole_position) == ("take_profit_market", Decimal(76000), True)


def test_a_viewer_sees_no_ticket(ticket: Ticket) -> None:
    other = ticket.screen.run(an_account, name="Another's")
    ticket.screen.run(access, other, ticket.screen.user, "viewer")

    ticket.open(other)

    expect(ticket.screen.figure("equity")).to_have_text("10,000.00")
    expect(ticket.page.locator("#ticket")).to_be_hidden()
    ticket.page.keyboard.press("b")
    expect(ticket.page.locator("#ticket")).to_be_hidden()
    ticket.page.set_viewport_size({"width": 390, "height": 800})
    expect(ticket.page.locator("#ticket-bar")).to_be_hidden()


def test_a_frozen_accounts_ticket_says_why_it_is_off(ticket: Ticket) -> None:
    ticket.screen.run(lambda: Account.objects.filter(pk=ticket.screen.first.pk).update(status="frozen"))

    ticket.open()

    expect(ticket.page.locator("#ticket-off")).to_contain_text("frozen")
    expect(ticket.submit).to_be_disabled()
    expect(ticket.submit).to_have_text("Account frozen")


def test_an_order_by_the_keyboard_alone(ticket: Ticket) -> None:
    keyboard = ticket.open().page.keyboard

    keyboard.press("?")
    help_dialog = ticket.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_dialog).to_be_visible()
    keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()
    keyboard.press("s")
    expect(ticket.size).to_be_focused()
    expect(ticket.submit).to_have_text("Sell BTC")
    keyboard.type("0.01")
    keyboard.press("b")  # not while something is typed
    expect(ticket.submit).to_have_text("Sell BTC")
    keyboard.press("Backspace")
    keyboard.press("Shift+Tab")
    expect(ticket.page.get_by_role("radio", name="Market").first).to_be_focused()
    keyboard.press("ArrowRight")
    expect(ticket.price).to_have_value("68500")
    keyboard.press("Tab")
    expect(ticket.price).to_be_focused()
    keyboard.press("ArrowUp")
    keyboard.press("Enter")

    expect(ticket.toasts).to_contain_text("placed")
    expect(ticket.price).to_be_focused()  # the note took no focus
    [order] = orders(ticket.screen)
    assert (order.side, order.price, order.size) == ("sell", Decimal(68501), Decimal("0.01"))
    ticket.toasts.get_by_role("button", name="Close this note").click()
    expect(ticket.toasts).to_have_count(0)


def test_on_a_phone_two_buttons_open_the_ticket_as_a_sheet(ticket: Ticket) -> None:
    ticket.page.set_viewport_size({"width": 390, "height": 800})
    ticket.open()
    expect(ticket.page.locator("#ticket")).to_be_hidden()

    ticket.page.get_by_role("button", name="Sell", exact=True).click()
    expect(ticket.size).to_be_focused()
    expect(ticket.submit).to_have_text("Sell BTC")
    ticket.size.fill("0.01")
    expect(ticket.told("fee")).not_to_have_text("–")
    assert violations(ticket.page) == []
    assert ticket.page.evaluate("document.documentElement.scrollWidth") == 390
    ticket.place()

    expect(ticket.page.locator("#ticket")).to_be_hidden()
    expect(ticket.show("positions")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_whole_ticket_is_accessible(ticket: Ticket, scheme: Any) -> None:
    ticket.page.emulate_media(color_scheme=scheme)
    ticket.open()

    ticket.ask("Stop, Limit", "Sell / Short", size="500", trigger="60000", price="60000.55")
    ticket.page.get_by_label("Take profit / stop loss").check()
    ticket.page.locator("#ticket-sl-trigger").fill("1")
    ticket.place()
    expect(ticket.page.locator("#ticket .field-error").first).to_be_visible()

    assert violations(ticket.page) == []
    assert ticket.screen.noticed.problems == []


def test_another_account_gets_an_empty_ticket(ticket: Ticket) -> None:
    ticket.open()
    ticket.ask("Limit", size="0.01", price="60000")

    ticket.page.locator("#account").select_option("Second")

    expect(ticket.size).to_have_value("")
    set_price("BTC", "68600")
    ticket.ask("Market", size="0.01")
    ticket.place()
    expect(ticket.show("positions")).to_have_count(1)
    assert orders(ticket.screen) == []
    assert len(orders(ticket.screen, ticket.screen.second)) == 1
