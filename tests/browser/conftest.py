"""A browser before the real server, and a thread of its own for the database.

Playwright keeps an event loop running in the test's thread, where Django refuses to touch the database: all that a
test does to the server it does through `desk_side`. It starts the browser for each test and ends it before Django
empties the database, which happens in that thread too.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from accounts.models import Account, User
from tests import builders
from tests.browser.cable import Cable
from tests.serving import Server

CHROMIUM = shutil.which("chromium")
"""The system's browser; without one these tests are skipped, and in CI a skipped test fails the run."""
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"
PATIENCE_MS = 10_000
Run = Callable[..., Any]


@dataclass
class Noticed:
    """What a page must not do."""

    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda websocket: self.sockets.append(websocket.url))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.problems.append(text)


@dataclass
class Screen:
    """A page with its viewer, who has two accounts."""

    page: Page
    context: BrowserContext
    cable: Cable
    noticed: Noticed
    run: Run
    user: User
    first: Account
    second: Account

    def log_in(self, password: str = PASSWORD, path: str = "/") -> None:
        self.page.goto(self.cable.url + path)
        self.page.get_by_label("Username").fill(self.user.username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def open(self, path: str = "/") -> None:
        """Log in and wait until the page is live."""
        self.log_in(path=path)
        self.expect_state("Live")

    def open_account(self) -> None:
        """Log in and go to the first account."""
        self.open(f"/accounts/{self.first.pk}/")

    def switcher(self) -> Any:
        return self.page.get_by_role("combobox", name="Account", exact=True)

    def tab(self, name: str) -> None:
        """Choose a tab of the account's page."""
        self.page.get_by_role("tab", name=name).click()

    def expect_state(self, text: str) -> None:
        expect(self.page.locator("#connection-state")).to_have_text(text)

    def rows(self, panel: str) -> Any:
        return self.page.locator(f"#{panel} tbody tr")

    def cell(self, panel: str, name: str) -> Any:
        return self.rows(panel).first.locator(f'[data-cell="{name}"]')

    def decisions(self) -> Any:
        return self.page.locator("#model-chat li")

    def figure(self, name: str) -> Any:
        return self.page.locator(f'[data-figure="{name}"]')


@pytest.fixture
def desk_side(server: Server) -> Iterator[Run]:
    """Run functions that use the database, in one thread that may."""

    def run(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return pool.submit(function, *arguments, **named).result()

    with ThreadPoolExecutor(1, thread_name_prefix="desk side") as pool:
        yield run
        run(connections.close_all)


@pytest.fixture
def cable(server: Server) -> Iterator[Cable]:
    made = Cable(server.port)
    yield made
    made.close()


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        browser.close()


@pytest.fixture
def screen(desk_side: Run, cable: Cable, context: BrowserContext) -> Screen:
    user = desk_side(builders.a_user, username="ada", password=PASSWORD)
    first = desk_side(builders.an_account, user, name="First")
    second = desk_side(builders.an_account, user, name="Second")
    builders.set_price("BTC", "68500")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    noticed = Noticed()
    noticed.watch(page)
    return Screen(page, context, cable, noticed, desk_side, user, first, second)
