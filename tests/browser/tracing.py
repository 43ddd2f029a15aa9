"""The browser's own trace of what its main thread did."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page

CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]


@dataclass
class Trace:
    """`tasks`: what the page's main thread worked for each task, in ms of its own processor time."""

    tasks: list[float] = field(default_factory=list)


@contextmanager
def traced(browser: Browser, page: Page) -> Iterator[Trace]:
    """Trace the page until the block ends."""
    trace = Trace()
    browser.start_tracing(page=page, categories=CATEGORIES)
    try:
        yield trace
    finally:
        events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
        mains = {
            (each["pid"], each["tid"])
            for each in events
            if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
        }
        trace.tasks = [
            each["tdur"] / 1_000
            for each in events
            if each["name"].endswith("RunTask") and "tdur" in each and (each["pid"], each["tid"]) in mains
        ]
