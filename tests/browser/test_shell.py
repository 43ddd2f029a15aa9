"""What stands around every view: who one is, whom one acts as, the theme and the language."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from playwright.sync_api import Page, expect

from accounts.models import AuditEntry
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
