"""The log's pages: read once for all who resume."""

import asyncio
from typing import Any

import pytest

from realtime import pages as pages_module
from realtime import streams
from realtime.frames import Burst
from realtime.models import Event, Stream
from realtime.orm import in_orm
from realtime.pages import PAGE, LogPages
from realtime.protocol.channels import TRADES
from tests.builders import an_account
from tests.realtime.logs import a_log

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = 2 * PAGE + 100


@pytest.fixture
def stream() -> Stream:
    from django.utils import timezone

    account = an_account()
    a_log(account, EVENTS, timezone.now(), TRADES)
    return Stream.objects.get(account=account, channel=TRADES)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the log."""
    made: list[Any] = []
    real = streams.after

    def counted(*args: Any) -> Any:
        made.append(args)
        return real(*args)

    monkeypatch.setattr(pages_module.streams, "after", counted)
    return made


async def everything(pages: LogPages, stream: Stream, seq: int, upto: int = EVENTS) -> list[str]:
    texts: list[str] = []
    while seq < upto:
        burst = await pages.after((stream.account_id, stream.channel), stream.epoch, seq, upto)
        assert isinstance(burst, Burst)
        texts += [frame.text for frame in burst.frames]
        seq += len(burst.frames)
    return texts


def logged(stream: Stream, seq: int, upto: int = EVENTS) -> list[str]:
    rows = Event.objects.filter(stream=stream, seq__gt=seq, seq__lte=upto).order_by("seq")
    return list(rows.values_list("frame", flat=True))


@pytest.mark.parametrize("seq", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE + 99])
@pytest.mark.parametrize("upto", [EVENTS, 2 * PAGE + 100, EVENTS - 30])
async def test_pages_give_what_the_log_has(stream: Stream, seq: int, upto: int) -> None:
    pages = LogPages()
    for _ in range(2):
        assert await everything(pages, stream, seq, upto) == await in_orm(logged, stream, seq, upto)


async def test_a_crowd_that_resumes_reads_each_page_once(stream: Stream, reads: list[Any]) -> None:
    pages = LogPages()
    told = await asyncio.gather(*(everything(pages, stream, 7) for _ in range(50)))
    assert len(reads) == 3
    assert all(each == told[0] for each in told)
    await everything(pages, stream, 0)
    assert len(reads) == 4  # the last page is not whole, so it is not kept


async def test_a_crowd_shares_the_bytes_that_it_is_sent(stream: Stream) -> None:
    pages = LogPages()
    key = (stream.account_id, stream.channel)
    first, second = [await pages.after(key, stream.epoch, 7, EVENTS) for _ in range(2)]
    assert first is second


async def test_what_follows_a_floor_in_the_middle_of_a_page_is_had_and_what_is_beneath_is_not(stream: Stream) -> None:
    def prune() -> None:
        Event.objects.filter(stream=stream, seq__lte=100).delete()
        Stream.objects.filter(pk=stream.pk).update(floor=100)

    await in_orm(prune)
    pages = LogPages()
    key = (stream.account_id, stream.channel)
    assert await pages.after(key, stream.epoch, 99, EVENTS) is None
    assert await everything(pages, stream, 100) == await in_orm(logged, stream, 100)


async def test_another_epoch_has_none_of_it(stream: Stream) -> None:
    assert await LogPages().after((stream.account_id, stream.channel), "another", 0, EVENTS) is None


async def test_no_more_is_kept_than_the_bound(stream: Stream, reads: list[Any]) -> None:
    pages = LogPages(kept_bytes=1)
    assert await everything(pages, stream, 0) == await in_orm(logged, stream, 0)
    await everything(pages, stream, 0)
    assert len(reads) == 6
    assert pages._bytes == 0
