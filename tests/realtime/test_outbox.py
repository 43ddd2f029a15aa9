"""The queue of one connection."""

import asyncio

from realtime.outbox import Outbox


class Peer:
    """A transport that can stop reading."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.overflows = 0

    async def send(self, message: dict[str, object]) -> None:
        await self.reads.wait()
        self.got.append(message.get("text", message.get("code")))

    def overflow(self) -> None:
        self.overflows += 1


async def test_frames_leave_in_the_order_in_which_they_came_and_then_the_close() -> None:
    peer = Peer()
    box = Outbox(peer.send, 100, peer.overflow)
    for text in "abc":
        box.put(text)
    box.close(4001)
    box.put("late")
    await box.run()
    assert peer.got == ["a", "b", "c", 4001]


async def test_of_an_ephemeral_event_only_the_newest_waits_at_its_own_place() -> None:
    peer = Peer()
    box = Outbox(peer.send, 100, peer.overflow)
    box.put_latest("BTC", "old BTC")
    box.put_latest("ETH", "ETH")
    box.put("trade")
    box.put_latest("BTC", "new BTC")
    box.close(1000)
    await box.run()
    assert peer.got == ["ETH", "trade", "new BTC", 1000]


async def test_a_full_queue_drops_ephemeral_events_first_and_then_overflows_once() -> None:
    peer = Peer()
    box = Outbox(peer.send, 10, peer.overflow)
    box.put_latest("BTC", "12345678")
    box.put("abcdefgh")
    assert (box.queued_bytes, peer.overflows) == (8, 0)
    box.put_latest("BTC", "123")
    assert box.queued_bytes == 8
    box.put("ijk")
    box.put("lmn")
    assert peer.overflows == 1


async def test_a_reader_that_stopped_costs_no_more_than_the_bound() -> None:
    peer = Peer()
    peer.reads.clear()
    box = Outbox(peer.send, 1_000, peer.overflow)
    writer = asyncio.create_task(box.run())
    for _ in range(10_000):
        box.put("x" * 10)
    assert peer.overflows == 1
    assert box.queued_bytes <= 1_010
    writer.cancel()
