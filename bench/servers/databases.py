"""Both databases at once: what is measured on one is measured on the other."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.run import Run
from bench.servers.postgresql import PostgreSQL
from bench.servers.template import Template

NAMES = ("hyperoru-pg", "hyperoru")


@contextmanager
def databases(run: Run, scenario: str, traders: int) -> Iterator[tuple[PostgreSQL, dict[str, Template]]]:
    """Run a PostgreSQL server until the block ends; prepare a template on it and one on SQLite, by server's name."""
    folder = run.template.folder / scenario
    postgresql = PostgreSQL(folder / "postgresql")
    try:
        templates = {
            name: Template(folder / name, traders=traders, postgresql=postgresql if name == "hyperoru-pg" else None)
            for name in NAMES
            if name in run.servers
        }
        for template in templates.values():
            template.prepare()
        yield postgresql, templates
    finally:
        postgresql.stop()
