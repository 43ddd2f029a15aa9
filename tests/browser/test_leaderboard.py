"""The leaderboard on the live page."""

from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.conftest import Screen
from tests.builders import an_order, done

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def names(screen: Screen) -> Any:
    return screen.page.locator('#leaderboard [data-cell="account"]')


def test_accounts_stand_beside_each_other_sorted_as_the_viewer_likes(screen: Screen) -> None:
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
    assert screen.noticed.problems == []


def test_another_timeframe_is_asked_for(screen: Screen) -> None:
    screen.open()
    expect(names(screen)).to_have_count(2)
    sent: list[str] = []
    screen.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame))))
    screen.page.reload()
    screen.expect_state("Live")
    screen.page.get_by_label("Over").select_option("all")
    expect(names(screen)).to_have_count(2)
    screen.page.wait_for_function("() => true")
    assert any('"get_leaderboard"' in frame and '"24h"' in frame for frame in sent)
    expect(screen.page.get_by_label("Over")).to_have_value("all")
    assert any('"get_leaderboard"' in frame and '"all"' in frame for frame in sent)


@pytest.mark.parametrize("width", [360, 1280, 1920])
def test_it_fits_the_screen(screen: Screen, width: int, tmp_path: Any) -> None:
    screen.page.set_viewport_size({"width": width, "height": 900})
    screen.run(done, screen.first, an_order("0.1"))
    screen.open()
    expect(names(screen)).to_have_count(2)
    screen.page.locator("#leaderboard").scroll_into_view_if_needed()
    assert screen.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    screen.page.screenshot(path=str(tmp_path / "page.png"), full_page=True)
