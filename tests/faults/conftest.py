"""A place for the server's own processes, on the database that the run is on."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.commands.processes import Place
from tests.faults.load import UNLIMITED


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder and an empty database, of SQLite or, in a run on PostgreSQL, of its server."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        yield Place(tmp_path, **UNLIMITED)
        return
    name = f"faults_{os.getpid()}_{tmp_path.name}"[:60]
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield Place(tmp_path, DATABASE_URL=url.replace("/postgres?", f"/{name}?"), **UNLIMITED)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
