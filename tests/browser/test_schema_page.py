"""The page of the WebSocket's schema in a browser: readable from a phone to a wide screen, in both themes."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import PATIENCE_MS, Noticed
from tests.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour.endsWith(", 0)") ? behind(element.parentElement) : colour;
  };
  const texts = document.querySelectorAll("p, th, td, a, code, h1, h2, h3, h4, .bounds");
  return Math.min(...[...texts].filter((each) => each.checkVisibility()).map((each) => {
    const [less, more] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => a - b);
    return (more + 0.05) / (less + 0.05);
  }));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2560])
def test_it_fits_loads_only_our_own_and_can_be_read(
    server: Server, context: BrowserContext, width: int, scheme: Any
) -> None:
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    noticed = Noticed()
    noticed.watch(page)

    page.goto(f"{server.url}/ws/schema/")

    expect(page.get_by_role("heading", level=1)).to_have_text("The WebSocket")
    expect(page.get_by_role("main")).to_contain_text(server.socket_url)
    assert noticed.problems == []
    assert {urlsplit(url).netloc for url in noticed.requests} == {urlsplit(server.url).netloc}
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CONTRAST) >= 4.5


def test_the_contents_lead_to_each_part(server: Server, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{server.url}/ws/schema/")
    contents = page.get_by_role("navigation", name="Contents")

    contents.get_by_role("link", name="place_order", exact=True).click()

    expect(page.get_by_role("heading", name="place_order", exact=True)).to_be_in_viewport()
    page.get_by_role("link", name="AsyncAPI 3 as JSON").click()
    expect(page.locator("body")).to_contain_text('"asyncapi":"3.0.0"')
