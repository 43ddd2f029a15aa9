"""What stands around every view: who one is, whom one acts as, the theme and the language."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, WebSocketRoute, expect

from accounts.models import Account, AuditEntry
from tests.browser.conftest import Screen
from tests.builders import a_user, an_account, an_order, done

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def open_menu(page: Page) -> None:
    page.locator("#menu-button").click()


def may_act_as(screen: Screen) -> None:
    screen.user.is_staff = True
    screen.user.save()
    screen.user.user_permissions.add(Permission.objects.get(codename="act_as_user"))


def test_staff_act_as_another_user_with_that_always_in_sight(screen: Screen) -> None:
    screen.run(may_act_as, screen)
    other = screen.run(a_user, username="grace")
    theirs = screen.run(an_account, other, name="Of Grace")
    screen.open()
    expect(screen.page.locator("#acting")).to_be_hidden()

    open_menu(screen.page)
    screen.page.get_by_role("button", name="Act as another user…").click()
    screen.page.get_by_label("Search").fill("gra")
    screen.page.get_by_role("button", name="grace").click()

    expect(screen.page.locator("#acting")).to_contain_text("You act as grace")
    expect(screen.page.locator("#legend a")).to_have_text(["Of Grace"])
    screen.run(done, theirs, an_order("0.1"))
    screen.run(done, screen.first, an_order("0.2"))
    expect(screen.page.locator("#activity li")).to_have_count(1)
    told = AuditEntry.objects.filter(action="switch_user").values_list("target", flat=True)
    assert screen.run(list, told) == [f"user {other.pk}"]

    # It outlasts a lost connection.
    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    screen.cable.mend()
    screen.expect_state("Live")
    expect(screen.page.locator("#acting")).to_contain_text("You act as grace")
    expect(screen.page.locator("#legend a")).to_have_text(["Of Grace"])

    screen.page.get_by_role("button", name="Back to yourself").click()
    expect(screen.page.locator("#acting")).to_be_hidden()
    expect(screen.page.locator("#legend a")).to_have_text(["First", "Second"])
    expect(screen.page.locator("#activity li")).to_contain_text(["First"])
    assert screen.noticed.problems == []


def test_who_acts_as_another_while_a_page_is_loading_sees_only_the_others_rows(screen: Screen) -> None:
    screen.run(may_act_as, screen)
    other = screen.run(a_user, username="grace")
    theirs = screen.run(an_account, other, name="Of Grace")
    screen.run(done, theirs, an_order("0.1"))
    screen.run(done, screen.first, an_order("0.2"))
    held: list[Callable[[], None]] = []
    holding = False

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def down(frame: str | bytes) -> None:
            if holding and '"asset_curve"' in str(frame):
                held.append(lambda: page.send(frame))
            else:
                page.send(frame)

        server.on_message(down)

    screen.page.route_web_socket("**/ws", between)
    screen.open_account()
    open_menu(screen.page)
    screen.page.get_by_role("button", name="Act as another user…").click()
    expect(screen.page.get_by_role("button", name="grace")).to_be_visible()
    holding = True
    screen.page.evaluate("() => document.getElementById('to-arena').click()")
    while not held:
        screen.page.evaluate("() => new Promise(requestAnimationFrame)")
    screen.page.get_by_role("button", name="grace").click()
    holding = False
    while held:
        held.pop()()

    expect(screen.page.locator("#acting")).to_contain_text("You act as grace")
    expect(screen.page.locator("#legend a")).to_have_text(["Of Grace"])
    expect(screen.page.locator("#activity li .what")).to_contain_text(["0.1"])
    expect(screen.page.locator("#activity li")).to_have_count(1)
    assert len(screen.noticed.sockets) == 1  # it was no lost connection that put it right
    assert screen.noticed.problems == []


def test_an_account_that_is_opened_or_frozen_meanwhile_is_seen_without_a_reload(screen: Screen) -> None:
    screen.page.clock.install()
    screen.open()
    expect(screen.page.locator("#legend a")).to_have_text(["First", "Second"])

    screen.run(an_account, screen.user, name="Third")
    screen.run(lambda: Account.objects.filter(pk=screen.first.pk).update(status="frozen"))
    screen.page.clock.run_for(31_000)

    expect(screen.page.locator("#legend a")).to_have_text(["First", "Second", "Third"])
    expect(screen.switcher()).to_contain_text("First (frozen)")
    assert len(screen.noticed.sockets) == 1
    assert screen.noticed.problems == []


def test_who_may_not_act_as_others_is_not_offered_it(screen: Screen) -> None:
    screen.open()
    open_menu(screen.page)

    expect(screen.page.get_by_role("button", name="Log out")).to_be_visible()
    expect(screen.page.get_by_role("button", name="Act as another user…")).to_have_count(0)
    expect(screen.page.get_by_role("link", name="Admin")).to_have_count(0)


def test_staff_find_the_admin(screen: Screen) -> None:
    screen.user.is_staff = True
    screen.run(screen.user.save)
    screen.open()
    open_menu(screen.page)

    expect(screen.page.get_by_role("link", name="Admin")).to_have_attribute("href", "/admin/")


def test_the_theme_is_the_viewers_and_stays(screen: Screen) -> None:
    def background() -> Any:
        return screen.page.evaluate("getComputedStyle(document.body).backgroundColor")

    screen.open()
    light = background()
    open_menu(screen.page)
    screen.page.get_by_label("Theme").select_option("dark")
    dark = background()
    assert dark != light
    screen.page.reload()
    screen.expect_state("Live")
    assert background() == dark
    open_menu(screen.page)
    expect(screen.page.get_by_label("Theme")).to_have_value("dark")
    screen.page.get_by_label("Theme").select_option("")
    assert background() == light


def test_another_language_is_a_name_in_the_settings_and_a_catalog(screen: Screen, settings: Any) -> None:
    settings.LANGUAGES = [("en", "English"), ("eo", "Esperanto")]
    catalog = {"Live": "Viva", "Waiting for the first trade…": "Atendante la unuan komercon…"}
    screen.page.route("**/texts.json", lambda route: route.fulfill(json={"catalog": catalog, "formats": {}}))
    screen.open()
    open_menu(screen.page)
    screen.page.get_by_label("Language").select_option("Esperanto")

    screen.expect_state("Viva")
    expect(screen.page.locator("html")).to_have_attribute("lang", "eo")
    expect(screen.page.locator("#activity .empty")).to_have_text("Atendante la unuan komercon…")


def test_logging_out_elsewhere_ends_the_page_for_good(screen: Screen) -> None:
    screen.open()
    other = screen.context.new_page()
    other.goto(screen.cable.url)
    open_menu(other)
    other.get_by_role("button", name="Log out").click()

    screen.expect_state("Disconnected")
    expect(screen.page.get_by_role("alert").get_by_role("link", name="Log in again")).to_be_visible()
    expect(other.get_by_label("Username")).to_be_visible()
