"""What the leading engine lets others do at the end of its steps."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trading.desk import Desk
from trading.engine import Engine
from trading.market.board import Board
from trading.signals import housekeeping

pytestmark = pytest.mark.django_db(transaction=True)
START = datetime(2026, 4, 9, 12, tzinfo=UTC)
HALF = timedelta(seconds=0.5)


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk(Board(), lambda: START)
    yield made
    made.close()


@pytest.fixture
def told() -> Iterator[list[tuple[object, datetime]]]:
    """Note who sends the signal, and with what time."""
    heard: list[tuple[object, datetime]] = []

    def note(sender: object, now: datetime, **kwargs: Any) -> None:
        heard.append((sender, now))

    housekeeping.connect(note)
    yield heard
    housekeeping.disconnect(note)


def test_only_the_leader_keeps_house_once_in_each_step(desk: Desk, told: list[tuple[object, datetime]]) -> None:
    first, second = Engine(desk), Engine(desk)
    for number in range(3):
        first.step(START + number * HALF)
        second.step(START + number * HALF)
    assert told == [(first, START + number * HALF) for number in range(3)]


def test_housekeeping_that_fails_is_logged_and_stops_nothing(
    desk: Desk, told: list[tuple[object, datetime]], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**kwargs: Any) -> None:
        raise RuntimeError("no broom")

    engine = Engine(desk)
    housekeeping.connect(fail)
    try:
        engine.step(START)
        engine.step(START + HALF)
    finally:
        housekeeping.disconnect(fail)
    assert engine.leads
    assert len(told) == 2
    assert "no broom" in caplog.text
