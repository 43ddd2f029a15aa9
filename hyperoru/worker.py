"""The entry of a serving process that another one starts: nothing of Django may be imported before its setup."""

import socket


def work(listener: socket.socket) -> None:
    """Serve on an open port, without the engine, until the process is told to stop."""
    import django

    django.setup()

    from hyperoru.serving import serve

    serve(listener, with_engine=False)
