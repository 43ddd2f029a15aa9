"""What every test stands on: a clean process after each one, and, on request, a real server on a real port."""

from collections.abc import Iterator

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings

import hyperoru.asgi  # noqa: F401  (it configures logging: once, before any test listens to what is logged)
from accounts import append_only_sql
from realtime import orm
from realtime.handlers.holdings import holdings_cache
from realtime.orm import close_pools
from tests.serving import Server, serving
from trading.desk import desk
from trading.market.board import board
from trading.prices import glance

# Shared machines are slow now and then: how long an example took says nothing of the code.
settings.register_profile("hyperoru", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hyperoru")
orm.DEADLINE_S = 60.0  # tests do long work by it


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "pytest.FixtureRequest") -> None:
    """Let Django empty the append-only tables between tests: it deletes their rows on SQLite."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        if connection.vendor == "sqlite":
            append_only_sql.drop_delete_triggers(connection, append_only_sql.TABLES)


@pytest.fixture(autouse=True)
def _clean_process() -> Iterator[None]:
    """End the process's threads and forget its prices and who has ordered, so that no test sees another's."""
    yield
    desk.close()
    desk.limits.clear()
    close_pools()
    board.clear()
    glance.forget()
    holdings_cache.clear()


@pytest.fixture
def server(transactional_db: None) -> Iterator[Server]:
    """Serve the application on a free port, in a thread of this process."""
    with serving() as running:
        yield running
