"""Take the pictures of docs/: `make screenshots`. A server of its own plays the replay fast, for a while."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "docs"
SPEED = 240
TRADES = 60
WARM_S = 150
"""So long the demo trades first: candles are of the wall clock."""
PATIENCE_MS = 180_000
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
DESK, PHONE = {"width": 1720, "height": 1000}, {"width": 390, "height": 844}


@contextlib.contextmanager
def serving(folder: str) -> Iterator[tuple[str, str]]:
    """Serve the demo accounts from an empty folder; give the address and the password of `demo`."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "HYPERORU_VAR": folder,
        "HYPERORU_REPLAY_SPEED": str(SPEED),
        "HYPERORU_EQUITY_EVERY_S": "2",
    }
    for name in ("DATABASE_URL", "REDIS_URL", "HYPERORU_ENV", "HYPERORU_MARKET"):
        environment.pop(name, None)
    access = Path(folder) / "access.json"

    def manage(*words: str) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), *words]

    subprocess.run(manage("migrate", "--verbosity", "0"), env=environment, check=True)
    seed = manage("seed_accounts", "--keep", str(access))
    subprocess.run(seed, env=environment, check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(manage("serve", "--port", str(port)), env=environment)
    try:
        address = f"http://localhost:{port}"
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/healthz", timeout=5):
                break
            time.sleep(0.1)
        yield address, json.loads(access.read_text())["passwords"]["demo"]
    finally:
        server.terminate()
        server.wait(30)


def log_in(page: Page, address: str, password: str) -> None:
    page.goto(address)
    page.get_by_label("Username").fill("demo")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("status").first).to_have_text("Live")


def take_ticket(page: Page, name: str) -> None:
    """Fill in the order ticket, in its sheet on a phone, and take it with the server's preview."""
    opener = page.locator('[data-open-ticket="buy"]')
    if opener.is_visible():
        opener.click()
    page.locator("#ticket-size").fill("0.05")
    page.get_by_label("Take profit / stop loss").check()
    page.locator("#ticket-tp-percent").fill("4")
    page.locator("#ticket-sl-percent").fill("2")
    expect(page.locator('#ticket-preview [data-preview="fee"]')).not_to_have_text("–")
    page.locator("#ticket").screenshot(path=HERE / f"ticket{name}.png")


def main() -> None:
    expect.set_options(timeout=PATIENCE_MS)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(folder) as (address, password),
        sync_playwright() as playwright,
    ):
        time.sleep(WARM_S)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for name, size, theme in (("", DESK, "dark"), ("-light", DESK, "light"), ("-phone", PHONE, "dark")):
            context = browser.new_context(viewport=size, color_scheme=theme, device_scale_factor=1)  # type: ignore[arg-type]
            page = context.new_page()
            log_in(page, address, password)
            expect(page.locator("#activity li").nth(TRADES)).to_be_attached()
            page.screenshot(path=HERE / f"arena{name}.png")
            page.locator("#leaderboard tbody a", has_text="Main Account").click()
            expect(page.locator("#account-view canvas").first).to_be_visible()
            expect(page.locator("#model-chat li").nth(3)).to_be_attached()
            page.screenshot(path=HERE / f"account{name}.png")
            take_ticket(page, name)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
