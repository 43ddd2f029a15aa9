"""The entry of a serving process that another one starts: nothing of Django may be imported before its setup."""

import socket

EARLIER_S = 1.0
"""A worker ends by itself before the process that started it would kill it."""


def work(listener: socket.socket) -> None:
    """Serve on an open port, without the engine, until the process is told to stop."""
    import django

    django.setup()

    from hyperoru.serving import serve
    from trading.stopping import ENDED_WITHIN_S, Stop

    stop = Stop(ENDED_WITHIN_S - EARLIER_S)
    if not serve(listener, stop, with_engine=False):
        stop.give_up()
