import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hyperoru.serving import Workers, serve
from trading.stopping import Stop

ROLES = ("all", "web", "engine")


class Command(BaseCommand):
    help = "Serve the socket, the API and the pages on one port, with the engine inside (role `all`, the default)."

    def add_arguments(self, parser: CommandParser) -> None:
        workers = settings.HYPERORU_WORKERS
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8080, help="port to listen on (default: %(default)s)")
        parser.add_argument("--role", choices=ROLES, default="all", help="what it does (default: %(default)s)")
        parser.add_argument("--workers", type=int, default=workers, help="processes that serve (default: %(default)s)")

    def handle(self, *args: Any, host: str, port: int, role: str, workers: int, **options: Any) -> None:
        if workers < 1:
            raise CommandError("--workers must be 1 or more.")
        if workers > 1 and not settings.REDIS_URL:
            raise CommandError("Several workers need the channel layer in Redis: set REDIS_URL, or use --workers 1.")
        if workers > 1 and settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
            raise CommandError("SQLite serves one worker: set DATABASE_URL to PostgreSQL, or use --workers 1.")
        if role == "engine":
            call_command("run_engine")
            return
        stop = Stop()  # before anybody can come, and before there are workers that would be left behind
        try:
            listener = socket.create_server((host, port), backlog=2048)
        except OSError as error:
            raise CommandError(f"Port {port} of {host} can't be taken: {error.strerror}. Try --port.") from error
        others = Workers(listener, workers - 1) if workers > 1 else None
        try:
            ended = serve(
                listener, stop, with_engine=role == "all", on_stop=others.begin_stop if others else lambda: None
            )
        finally:
            if others is not None:
                others.stop(stop.left())
        if not ended:
            stop.give_up()
