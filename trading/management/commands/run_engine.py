import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from trading.desk import desk
from trading.engine import Engine


class Command(BaseCommand):
    help = (
        "Run the engine: the market, resting orders, the models and equity. Of all engines on one database one leads; "
        "the others wait to take over. `serve` runs one inside."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("The engine runs; stop it with Ctrl-C.")
        Engine(desk).run(stop)
        desk.close()
