from typing import Any

from django.core.management.base import BaseCommand

from trading.desk import desk
from trading.engine import Engine
from trading.stopping import Stop


class Command(BaseCommand):
    help = (
        "Run the engine: the market, resting orders, the models and equity. Of all engines on one database one leads; "
        "the others wait to take over. `serve` runs one inside."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        stop = Stop()
        self.stdout.write("The engine runs; stop it with Ctrl-C.")
        Engine(desk).run(stop.told)
        if not desk.close(stop.left()):
            stop.give_up()
