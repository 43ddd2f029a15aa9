"""How a process is told to stop, and that it does end then, whatever hangs."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

logger = logging.getLogger(__name__)
ENDED_WITHIN_S = 9.0
TOLD_WITHIN_S = 0.5
HOME = Path(__file__).resolve().parent.parent


class Stop:
    """SIGINT and SIGTERM of this process, from now on.

    Nothing is lost between here and whoever looks at `told`. `within` seconds after the first signal a process that has
    not ended is ended with code 1, and the log says what hung.
    """

    def __init__(self, within: float = ENDED_WITHIN_S) -> None:
        self.told = threading.Event()
        self._within = within
        self._end: float | None = None
        self._hear, self._tell = os.pipe()
        os.set_blocking(self._tell, False)
        # Handlers wait until the main thread is back in Python; the pipe is written to even if it never is.
        signal.set_wakeup_fd(self._tell, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._signaled)
        threading.Thread(target=self._watch, name="stop", daemon=True).start()

    def begin(self) -> None:
        """Begin to stop, as if a signal had come."""
        with suppress(BlockingIOError):  # it is full: it was told
            os.write(self._tell, b"\0")

    def left(self) -> float:
        """Return how many seconds what is still to be done may take, with a little to spare; at least half a one."""
        end = time.monotonic() + self._within if self._end is None else self._end
        return max(0.5, end - time.monotonic() - 1.0)

    def _signaled(self, number: int, frame: FrameType | None) -> None:
        self.begin()  # no lock may be taken here: the code that was interrupted may hold it

    def _watch(self) -> None:
        os.read(self._hear, 1)
        self._end = time.monotonic() + self._within
        self.told.set()
        time.sleep(self._within)
        self.give_up()

    def give_up(self) -> None:
        """End the process at once, and say what hung."""
        # In a thread of its own: whoever hangs may hold the lock of the log.
        teller = threading.Thread(target=_say, args=(threading.get_ident(),), daemon=True)
        teller.start()
        teller.join(TOLD_WITHIN_S)
        os._exit(1)


def _say(caller: int) -> None:
    logger.critical("The process was told to stop and is ended although not all of it did: %s", _at_work(caller))
    logging.shutdown()


def _at_work(but: int) -> str:
    """Return where each thread but one is in the project's own code."""
    frames = sys._current_frames()
    found = ((each.name, _place(frames.get(each.ident or 0))) for each in threading.enumerate() if each.ident != but)
    return "; ".join(f"{name} in {place}" for name, place in found if place) or "nothing of ours"


def _place(frame: FrameType | None) -> str:
    """Return the innermost line of a stack that is the project's own, but for this module's."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(HOME) and "site-packages" not in path.parts and path != Path(__file__):
            return f"{path.relative_to(HOME)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
