"""The queue of one connection."""

import asyncio
from collections.abc import Callable

import pytest

from realtime.frames import Burst, Frame
from realtime.outbox import Outbox
from realtime.transports import AsgiTransport


class Peer:
    """A transport whose other end can stop reading."""

    def __init__(self) -> None:
        self.got: list[str | int] = []
        self.is_writable = True
        self.on_writable: Callable[[], None] = lambda: None
        self.overflows = 0

    def write(self, frame: Frame) -> None:
        assert self.is_writable
        self.got.append(frame.text)

    def write_burst(self, burst: Burst) -> None:
        for frame in burst.frames:
            self.write(frame)

    def close(self, code: int) -> None:
        self.got.append(code)

    cut = close

    async def serve(self, reading: object) -> None:
        raise AssertionError("not served here")

    def overflow(self) -> None:
        self.overflows += 1

    def stop(self) -> None:
        self.is_writable = False

    def go_on(self) -> None:
        self.is_writable = True
        self.on_writable()


def a_box(peer: Peer, max_bytes: int = 1_000, max_age: float = 60.0) -> Outbox:
    return Outbox(peer, max_bytes, max_age, peer.overflow)


async def test_frames_leave_in_the_order_in_which_they_came_and_then_the_close() -> None:
    peer = Peer()
    box = a_box(peer)
    for text in "abc":
        box.put(text)
    box.close(4001)
    box.put("late")
    assert peer.got == ["a", "b", "c", 4001]


async def test_what_waited_leaves_when_the_peer_reads_again_and_then_the_close() -> None:
    peer = Peer()
    box = a_box(peer)
    peer.stop()
    box.put("a")
    box.put_replayed(Burst([Frame("b"), Frame("c")]))
    box.put("d")
    box.close(4001)
    assert peer.got == []
    peer.go_on()
    assert peer.got == ["a", "b", "c", "d", 4001]
    assert box.queued_bytes == 0


async def test_nothing_overtakes_what_waits() -> None:
    peer = Peer()
    box = a_box(peer)
    peer.stop()
    box.put("a")
    peer.is_writable = True  # the peer reads again, but the queue was not told yet
    box.put("b")
    box.put_latest("BTC", Frame("c"))
    peer.go_on()
    assert peer.got == ["a", "b", "c"]


async def test_a_burst_goes_at_once_or_waits_in_its_order() -> None:
    peer = Peer()
    box = a_box(peer)
    box.put_burst(Burst([Frame("a"), Frame("b")]))
    assert peer.got == ["a", "b"]
    peer.stop()
    box.put_burst(Burst([Frame("c"), Frame("d")]))
    assert box.queued_bytes == 2
    peer.go_on()
    assert peer.got == ["a", "b", "c", "d"]


def test_a_burst_is_its_frames_one_after_the_other() -> None:
    frames = [Frame("a"), Frame("ä" * 200), Frame("c")]
    assert Burst(frames).wire == b"".join(frame.wire for frame in frames)


async def test_of_an_ephemeral_event_only_the_newest_waits_at_its_own_place() -> None:
    peer = Peer()
    box = a_box(peer)
    peer.stop()
    box.put_latest("BTC", Frame("old BTC"))
    box.put_latest("ETH", Frame("ETH"))
    box.put("trade")
    box.put_latest("BTC", Frame("new BTC"))
    peer.go_on()
    assert peer.got == ["ETH", "trade", "new BTC"]


async def test_a_full_queue_drops_ephemeral_events_first_and_then_overflows_once() -> None:
    peer = Peer()
    box = a_box(peer, max_bytes=10)
    peer.stop()
    box.put_latest("BTC", Frame("12345678"))
    box.put("abcdefgh")
    assert (box.queued_bytes, peer.overflows) == (8, 0)
    box.put_latest("BTC", Frame("123"))
    assert box.queued_bytes == 8
    box.put("ijk")
    box.put("lmn")
    assert (peer.overflows, box.closing, box.queued_bytes) == (1, True, 0)
    peer.go_on()
    assert peer.got == []


async def test_replayed_events_do_not_fill_the_queue() -> None:
    peer = Peer()
    box = a_box(peer, max_bytes=10)
    peer.stop()
    box.put_replayed(Burst([Frame("x" * 100)] * 10))
    box.put("0123456789")
    assert peer.overflows == 0
    peer.go_on()
    assert len(peer.got) == 11


async def test_a_reader_that_stopped_costs_no_more_than_the_bound() -> None:
    peer = Peer()
    box = a_box(peer)
    peer.stop()
    most = 0
    for _ in range(10_000):
        box.put("x" * 10)
        most = max(most, box.queued_bytes)
    assert peer.overflows == 1
    assert most == 1_000


async def test_a_reader_that_leaves_something_waiting_for_too_long_is_given_up() -> None:
    peer = Peer()
    gone = asyncio.Event()
    box = Outbox(peer, 1_000, 0.05, gone.set)
    peer.stop()
    box.put("a")
    await asyncio.wait_for(gone.wait(), 10)
    assert box.closing


async def test_a_slow_reader_whose_queue_is_young_is_kept() -> None:
    peer = Peer()
    gone = asyncio.Event()
    box = Outbox(peer, 1_000, 0.2, gone.set)
    peer.stop()
    box.put("a")
    began = asyncio.get_running_loop().time()
    while asyncio.get_running_loop().time() - began < 0.5:
        await asyncio.sleep(0.01)
        peer.go_on()
        peer.stop()
        box.put("b")
    assert not gone.is_set()


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_websocket_standard_says(length: int) -> None:
    from websockets.client import ClientProtocol
    from websockets.frames import Frame as Parsed
    from websockets.protocol import OPEN
    from websockets.uri import parse_uri

    reader = ClientProtocol(parse_uri("ws://x/"), state=OPEN)
    text = ("ä" * length)[:length]
    reader.receive_data(Frame(text).wire)
    [parsed] = reader.events_received()
    assert isinstance(parsed, Parsed)
    assert (parsed.opcode, parsed.fin, bytes(parsed.data).decode()) == (1, True, text)


async def test_over_asgi_frames_go_one_after_the_other() -> None:
    got: list[object] = []
    reads = asyncio.Event()

    async def send(message: dict[str, object]) -> None:
        await reads.wait()
        got.append(message.get("text", message.get("code")))

    async def reading() -> None:
        await asyncio.Event().wait()

    transport = AsgiTransport(send)
    box = Outbox(transport, 1_000, 60.0, lambda: None)
    for text in "abc":
        box.put(text)
    box.close(4001)
    reads.set()
    await asyncio.wait_for(transport.serve(reading()), 10)
    assert got == ["a", "b", "c", 4001]


async def test_over_asgi_a_peer_that_does_not_read_is_cut() -> None:
    async def send(message: dict[str, object]) -> None:
        await asyncio.Event().wait()

    async def reading() -> None:
        await asyncio.Event().wait()

    transport = AsgiTransport(send)
    box = Outbox(transport, 10, 60.0, lambda: transport.cut(4008))
    for _ in range(3):
        box.put("x" * 10)
    await asyncio.wait_for(transport.serve(reading()), 10)
    assert box.closing


async def test_a_long_replay_that_moves_is_not_too_old_and_one_that_stops_is() -> None:
    peer = Peer()
    gone = asyncio.Event()
    box = Outbox(peer, 1_000, 0.3, gone.set)
    peer.stop()
    box.put_replayed(Burst([Frame(str(number)) for number in range(40)]))
    box.put("live")
    for _ in range(40):  # half a second in all
        await asyncio.sleep(0.0125)
        _take_one(peer)
        assert not gone.is_set()
    assert len(peer.got) == 40
    await asyncio.wait_for(gone.wait(), 10)


def _take_one(peer: Peer) -> None:
    """Let the transport take one frame and be full again."""
    write = peer.write

    def write_one(frame: Frame) -> None:
        write(frame)
        peer.is_writable = False

    peer.write = write_one  # type: ignore[method-assign]
    peer.go_on()
    peer.write = write  # type: ignore[method-assign]


async def test_newer_ephemeral_events_do_not_keep_alive_a_peer_that_takes_nothing() -> None:
    peer = Peer()
    gone = asyncio.Event()
    box = Outbox(peer, 1_000, 0.2, gone.set)
    peer.stop()
    async with asyncio.timeout(10):
        while not gone.is_set():
            box.put_latest("BTC", Frame("BTC"))
            await asyncio.sleep(0.01)


async def test_a_close_that_the_peer_does_not_take_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("realtime.outbox.CLOSED_WITHIN_S", 0.05)
    for waiting in ([], ["a"]):
        peer = Peer()
        box = a_box(peer)
        peer.stop()
        for text in waiting:
            box.put(text)
        box.close(4507)
        async with asyncio.timeout(10):
            while not peer.got:
                await asyncio.sleep(0.01)
        assert peer.got == [4507]
