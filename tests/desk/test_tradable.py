"""What is traded and how it stands: found by indexes, however long the histories are."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.builders import set_price
from trading.market.board import board
from trading.models import Candle, FundingRate
from trading.prices import market_now
from trading.tradable import listed

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 2, 40, tzinfo=UTC)


def test_each_has_its_own_last_rate_and_its_own_day() -> None:
    set_price("BTC", "68500")
    for symbol, hours, rate in (("BTC", 1, "0.0002"), ("BTC", 2, "0.0001"), ("ETH", 5, "-0.0003")):
        hour = datetime(2026, 11, 24, 2, tzinfo=UTC) - timedelta(hours=hours)
        FundingRate.objects.create(
            instrument_id=symbol, hour=hour, premium=0, rate=Decimal(rate), oracle=Decimal(1), samples=1
        )
    for symbol, opened in (
        ("BTC", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("ETH", datetime(2026, 11, 23, 1, tzinfo=UTC)),
    ):
        prices = dict.fromkeys(("open", "high", "low", "close"), Decimal(68_000))
        Candle.objects.create(instrument_id=symbol, interval="1h", opened_at=opened, **prices)
    bitcoin, ether = listed(market_now(board), NOW)
    assert (bitcoin.funding_rate, bitcoin.day_ago) == (Decimal("0.0002"), Decimal(68_000))
    assert (ether.funding_rate, ether.day_ago) == (Decimal("-0.0003"), None)


@pytest.mark.sqlite
def test_no_history_is_read_through() -> None:
    market = market_now(board)
    with CaptureQueriesContext(connection) as captured:
        listed(market, NOW)
    with connection.cursor() as cursor:
        for query in captured:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            assert not [row[3] for row in cursor.fetchall() if row[3].startswith("SCAN")]
