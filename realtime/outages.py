"""What fails over and over, in two lines of the log: one when it begins, one when it is over."""

from logging import Logger


class Outage:
    """Counts the failures of something, and tells of the first and of how many there were.

    `what` says what fails, as the beginning of a line.
    """

    def __init__(self, logger: Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._failures = 0

    @property
    def lasts(self) -> bool:
        return self._failures > 0

    def failed(self, why: str) -> None:
        """Count a failure. The first one is told."""
        self._failures += 1
        if self._failures == 1:
            self._logger.warning("%s (%s)", self._what, why)

    def over(self) -> None:
        """Tell that it works again, where it did not."""
        if self._failures:
            self._logger.warning("%s: that is over, it happened %d times", self._what, self._failures)
            self._failures = 0
