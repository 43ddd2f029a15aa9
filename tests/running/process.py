"""An engine of its own process, that asks the scripted model: ``python -m tests.running.process`` until it is ended."""

import os
import threading


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hyperoru.settings")
    import django

    django.setup()
    from tests.running.given import registered
    from trading.desk import desk
    from trading.engine import Engine

    registered()
    Engine(desk).run(threading.Event())


if __name__ == "__main__":
    main()
