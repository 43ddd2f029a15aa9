"""The first page: all models beside each other, as they trade and think."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.conftest import Screen
from tests.builders import a_user, access, an_account, an_order, done, set_price
from trading.domain.commands import RecordEquity, SubmitDecision
from trading.domain.enums import Action
from trading.domain.market import Quote
from trading.market.board import board

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def legend(screen: Screen, name: str) -> Any:
    return screen.page.locator("#legend li").filter(has_text=name)


def feed(screen: Screen) -> Any:
    return screen.page.locator("#activity li")


def names(screen: Screen) -> Any:
    return screen.page.locator('#leaderboard [data-cell="account"]')


def test_it_is_the_first_page_and_shows_what_all_accounts_did_before(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.second, an_order("0.2", "sell"))
    screen.run(done, screen.second, SubmitDecision("rsi", "BTC", Action.SELL, "Overbought at 81"))
    screen.open()

    expect(screen.page.locator("#legend a")).to_have_text(["First", "Second"])
    expect(legend(screen, "First").locator(".value")).to_contain_text("9,9")
    expect(feed(screen)).to_have_count(2)
    expect(feed(screen).first).to_contain_text("Second")
    expect(feed(screen).first.locator(".what")).to_contain_text("0.2 at 68,")
    screen.page.get_by_role("radio", name="Model chat").check()
    expect(feed(screen)).to_have_count(1)
    expect(feed(screen).locator(".reasoning")).to_have_text("Overbought at 81")
    expect(screen.page.locator("#curves canvas").first).to_be_visible()
    assert screen.noticed.problems == []


def test_what_happens_is_seen_as_it_happens_on_every_account(screen: Screen) -> None:
    screen.open()
    expect(screen.page.locator("#activity .empty")).to_have_text("Waiting for the first trade…")

    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.second, an_order("0.3"))
    set_price("BTC", "70000")
    screen.run(done, screen.second, an_order("0.3", "sell"))
    screen.run(done, screen.second, RecordEquity())

    expect(feed(screen)).to_have_count(3)
    expect(feed(screen).first.locator(".pnl")).to_contain_text("+4")
    expect(legend(screen, "Second").locator(".value")).to_contain_text("10,")
    expect(legend(screen, "Second").locator(".change")).to_contain_text("+")
    expect(screen.page.locator("#prices li .mark")).to_have_text(["70,000.00"])


def test_holds_are_hidden_until_they_are_wanted(screen: Screen) -> None:
    screen.open()
    screen.page.get_by_role("radio", name="Model chat").check()

    screen.run(done, screen.first, SubmitDecision("rsi", "BTC", Action.HOLD, "Neutral", confidence=Decimal("0.4")))

    expect(screen.page.locator("#activity .empty")).to_have_text("Nothing but holds so far.")
    screen.page.locator("#activity-hide-holds").uncheck()
    expect(feed(screen).locator(".reasoning")).to_have_text("Neutral")


def test_a_lost_connection_comes_back_with_all_that_happened_meanwhile_once(screen: Screen) -> None:
    screen.open()
    screen.run(done, screen.first, an_order("0.1"))
    expect(feed(screen)).to_have_count(1)

    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    screen.run(done, screen.first, an_order("0.2"))
    screen.run(done, screen.second, an_order("0.3"))
    screen.cable.mend()

    screen.expect_state("Live")
    expect(feed(screen).locator(".what")).to_contain_text(["0.3", "0.2", "0.1"])
    expect(feed(screen)).to_have_count(3)
    screen.run(done, screen.second, an_order("0.4"))
    expect(feed(screen).locator(".what")).to_contain_text(["0.4", "0.3", "0.2", "0.1"])


def test_more_requests_than_the_server_takes_at_once_wait_their_turn(screen: Screen, settings: Any) -> None:
    settings.HYPERORU_MESSAGES_BURST, settings.HYPERORU_MESSAGES_PER_S = 8, 20.0
    for number in range(10):
        screen.run(an_account, screen.user, name=f"Another {number}")

    screen.open()

    expect(screen.page.locator("#legend li")).to_have_count(12)
    assert len(screen.noticed.sockets) == 1
    assert screen.noticed.problems == []


def test_a_mark_that_is_stale_is_said_to_be(screen: Screen) -> None:
    board.put([Quote("ETH", Decimal(3_500), timezone.now() - timedelta(minutes=1))])
    screen.open()

    quote = screen.page.locator("#prices li").filter(has_text="ETH")
    expect(quote.locator(".old")).to_be_visible()
    expect(screen.page.locator("#prices li").filter(has_text="BTC").locator(".old")).to_be_hidden()
    set_price("ETH", "3600")
    expect(quote.locator(".mark")).to_have_text("3,600.00")
    expect(quote.locator(".old")).to_be_hidden()


def test_a_timeframe_chosen_without_a_connection_is_shown_with_the_next(screen: Screen) -> None:
    screen.open()
    expect(screen.page.locator("#leaderboard-note")).to_have_text("Over 24h")
    screen.cable.cut()
    screen.expect_state("Reconnecting…")
    screen.page.locator("#curves-timeframe").get_by_role("radio", name="7d").check()
    screen.cable.mend()

    screen.expect_state("Live")
    expect(screen.page.locator("#leaderboard-note")).to_have_text("Over 7d")
    expect(screen.page.locator("#curves-timeframe").get_by_role("radio", name="7d")).to_be_checked()


def test_curves_in_percent_over_any_timeframe_and_only_those_wanted(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.run(done, screen.second, an_order("0.1"))
    screen.open()
    expect(screen.page.locator("#legend li")).to_have_count(2)

    screen.page.get_by_role("radio", name="%").check()
    screen.page.locator("#curves-timeframe").get_by_role("radio", name="7d").check()
    expect(screen.page.locator("#leaderboard-note")).to_have_text("Over 7d")
    expect(screen.page.locator("#curves canvas").first).to_be_visible()
    screen.page.get_by_role("checkbox", name="Show First").uncheck()
    expect(screen.page.get_by_role("checkbox", name="Show First")).not_to_be_checked()
    expect(screen.page.locator("#legend li")).to_have_count(2)
    assert screen.noticed.problems == []


def test_the_leaderboard_is_sorted_as_the_viewer_likes(screen: Screen) -> None:
    screen.run(Account.objects.filter(pk=screen.second.pk).update, cash=11_000, model="my-bot")
    screen.run(done, screen.first, an_order("0.1"))
    screen.open()

    expect(names(screen)).to_have_text(["Second", "First"])
    expect(screen.cell("leaderboard", "return")).to_have_text("+10.00%")
    expect(screen.cell("leaderboard", "model")).to_have_text("my-bot")
    first = screen.rows("leaderboard").nth(1)
    expect(first.locator('[data-cell="trades"]')).to_have_text("1")
    expect(first.locator('[data-cell="open-risk"]')).to_contain_text("0.6")
    head = screen.page.get_by_role("columnheader", name="Return")
    expect(head).to_have_attribute("aria-sort", "descending")

    screen.page.get_by_role("button", name="Return").press("Enter")
    expect(names(screen)).to_have_text(["First", "Second"])
    expect(head).to_have_attribute("aria-sort", "ascending")
    screen.page.get_by_role("button", name="Account", exact=True).click()
    expect(names(screen)).to_have_text(["First", "Second"])
    expect(head).to_have_attribute("aria-sort", "none")


def test_what_is_shown_comes_as_files(screen: Screen) -> None:
    screen.run(done, screen.first, an_order("0.1"))
    screen.open()
    expect(names(screen)).to_have_count(2)
    expect(feed(screen)).to_have_count(1)

    for panel, lines in (("leaderboard", 3), ("activity", 2)):
        with screen.page.expect_download() as download:
            screen.page.locator(f"#{panel}").get_by_role("button", name="CSV").click()
        text = download.value.path().read_text()
        assert len(text.splitlines()) == lines
        assert ",BTC," in text or ",First," in text


def test_an_account_is_a_click_away_and_the_browsers_buttons_lead_back(screen: Screen) -> None:
    screen.page.set_viewport_size({"width": 1280, "height": 500})
    screen.open()
    names(screen).get_by_role("link", name="Second").click()
    expect(screen.page).to_have_url(f"{screen.cable.url}/accounts/{screen.second.pk}/")
    expect(screen.page).to_have_title("Second · Hyperoru")
    expect(screen.figure("equity")).to_have_text("10,000.00")
    assert screen.page.evaluate("() => scrollY") == 0

    screen.page.go_back()
    expect(screen.page.locator("#legend li")).to_have_count(2)
    screen.run(done, screen.second, an_order("0.1"))
    expect(feed(screen)).to_have_count(1)
    assert len(screen.noticed.sockets) == 1


def test_a_viewer_of_others_accounts_sees_theirs_alone(screen: Screen) -> None:
    shared = screen.run(an_account, name="Shared")
    screen.run(an_account, name="Hidden")
    screen.run(access, shared, screen.user, "viewer")
    screen.open()

    expect(names(screen)).to_have_count(3)
    screen.run(done, shared, an_order("0.1"))
    expect(feed(screen)).to_contain_text(["Shared"])
    expect(screen.page.get_by_text("Hidden", exact=True)).to_have_count(0)


def test_no_account_is_no_error(screen: Screen) -> None:
    stranger = screen.run(a_user)
    screen.run(lambda: Account.objects.update(owner=stranger))
    screen.open()

    expect(screen.page.get_by_text("You have no account to look at yet.", exact=False)).to_be_visible()
    assert screen.noticed.problems == []
