"""Whether this process is about to end and takes nobody new."""

import threading

draining = threading.Event()
