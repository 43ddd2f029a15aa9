"""The log in whole pages, read once for all who resume: what is written there never changes."""

import asyncio
from collections import OrderedDict

from realtime import streams
from realtime.frames import Burst, Frame
from realtime.orm import in_orm

Key = tuple[int, str]
PageId = tuple[Key, str, int]
PAGE = 250
FRAME_OVERHEAD = 100
KEPT_BYTES = 32 * 1024 * 1024


class Page:
    """Events of a stream from `first` on, without a hole."""

    __slots__ = ("_last", "first", "frames", "size")

    def __init__(self, first: int, frames: list[Frame]) -> None:
        self.first = first
        self.frames = frames
        self.size = 2 * sum(len(frame.wire) + FRAME_OVERHEAD for frame in frames)  # once more for what is sent joined
        self._last: tuple[int, int, Burst] | None = None

    def after(self, seq: int, upto: int) -> Burst | None:
        """Return the events after a number and up to another; None where the page does not begin with the next."""
        start, end = seq + 1 - self.first, upto + 1 - self.first
        if not 0 <= start < len(self.frames):
            return None
        if self._last is None or self._last[:2] != (start, end):  # a crowd that lost one server resumes from one place
            self._last = (start, end, Burst(self.frames[start:end]))
        return self._last[2]


class LogPages:
    """A cache of pages bounded by bytes. Those who want the same page at once wait for one reading of it."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._pages: OrderedDict[PageId, Page] = OrderedDict()
        self._bytes = 0
        self._reading: dict[tuple[Key, str, int, int], asyncio.Task[Page]] = {}

    async def after(self, key: Key, epoch: str, seq: int, upto: int) -> Burst | None:
        """Return events that follow `seq`, none after `upto`; None where the very next one is not to be had.

        `upto` is a place that the log is known to have reached, and is after `seq`.
        """
        number = seq // PAGE
        page_id = (key, epoch, number)
        page = self._pages.get(page_id)
        if page is None:
            page = await self._read(key, epoch, number * PAGE, min(upto, (number + 1) * PAGE))
            if len(page.frames) == PAGE:
                self._keep(page_id, page)
        else:
            self._pages.move_to_end(page_id)
        found = page.after(seq, upto)
        if found is None:  # the page's beginning is pruned; perhaps what is asked for is not
            found = (await self._read(key, epoch, seq, min(upto, (number + 1) * PAGE))).after(seq, upto)
        return found

    async def _read(self, key: Key, epoch: str, seq: int, upto: int) -> Page:
        """Read events after a number and up to another, once for all who want the same at once."""
        asked = (key, epoch, seq, upto)
        task = self._reading.get(asked)
        if task is None:
            task = self._reading[asked] = asyncio.create_task(in_orm(_load, key, epoch, seq, upto - seq))
            task.add_done_callback(lambda _: self._reading.pop(asked))
        return await asyncio.shield(task)

    def _keep(self, page_id: PageId, page: Page) -> None:
        if page_id in self._pages:
            return
        self._pages[page_id] = page
        self._bytes += page.size
        while self._bytes > self._kept_bytes:
            _, oldest = self._pages.popitem(last=False)
            self._bytes -= oldest.size


def _load(key: Key, epoch: str, seq: int, limit: int) -> Page:
    rows = streams.after(*key, seq, limit)
    return Page(seq + 1, [Frame(row.frame) for row in rows if row.epoch == epoch])
