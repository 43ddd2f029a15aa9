"""Read recorded one-minute candles and cut from them what all symbols have without a hole."""

import csv
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.market import Bar
from trading.domain.money import ZERO

DATA = Path(__file__).resolve().parent.parent / "data"
SHIPPED = {
    "BTC": DATA / "coinbase_btcusd_1m_20180404_05.csv.gz",
    "ETH": DATA / "coinbase_ethusd_1m_20180404_05.csv.gz",
}
COLUMNS = ("open", "high", "low", "close", "volume")
MINUTE = timedelta(minutes=1)
LONGEST_HOLE = timedelta(minutes=5)
"""Minutes without a trade are common; a hole longer than this is a pause of the recording."""


def shipped_series(instruments: Mapping[str, Instrument]) -> dict[str, tuple[Bar, ...]]:
    """Return the recorded segment that ships with the project, for those of the instruments that it holds.

    Raise `ValueError` where it holds none of them.
    """
    known = [symbol for symbol in SHIPPED if symbol in instruments]
    if not known:
        raise ValueError(f"There are no recorded candles of {', '.join(instruments)}; only of {', '.join(SHIPPED)}.")
    return common_segment({symbol: read_candles(SHIPPED[symbol], instruments[symbol]) for symbol in known})


def read_candles(path: Path, instrument: Instrument) -> list[Bar]:
    """Read a CSV, gzipped where its name ends in `.gz`: when each bar opened, open, high, low, close, volume.

    The time is `open_time_ms` (since the epoch) or `timestamp` (ISO 8601, UTC where it says nothing else); prices are
    in the quote currency, the volume in units. Prices are rounded to the instrument's tick; bars are numbered from 0 in
    the order of the file. Raise `ValueError` for a file or a row that is no candle, for bars that are not in order or
    not of a minute, `OSError` where the file can't be opened.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="", encoding="utf-8-sig") as file:
            bars = [_bar(number, row, instrument, path) for number, row in enumerate(csv.DictReader(file))]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} is not gzipped, or not all of it is there.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path.name} is no CSV.") from error
    if not bars:
        raise ValueError(f"{path.name} has no candles.")
    _check_minutes(bars, path)
    return bars


def _check_minutes(bars: Sequence[Bar], path: Path) -> None:
    """Raise `ValueError` for bars that are not in order, or not of a minute: what is missing would be made up."""
    steps = [after.open_time - before.open_time for before, after in pairwise(bars)]
    if (least := min(steps, default=MINUTE)) <= timedelta(0):
        raise ValueError(
            f"Row {steps.index(least) + 2} of {path.name} is not later than the one before: candles go from the oldest "
            "to the newest, each once."
        )
    if least != MINUTE:
        raise ValueError(
            f"The candles of {path.name} are of {least.total_seconds():g} s; only those of a minute can be played."
        )


def walk(bar: Bar) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return the prices that a bar is taken to have gone through: open, nearer extreme, further extreme, close."""
    low_first = bar.open - bar.low <= bar.high - bar.open
    return (bar.open, bar.low, bar.high, bar.close) if low_first else (bar.open, bar.high, bar.low, bar.close)


def _bar(number: int, row: Mapping[str, str], instrument: Instrument, path: Path) -> Bar:
    try:
        opened = _opened(row)
        volume = Decimal(row["volume"])
        prices = [Decimal(row[name]) for name in ("open", "high", "low", "close")]
        if min(prices) <= 0 or not volume.is_finite() or volume < 0:
            raise ValueError
        first, high, low, last = (round_to_tick(price, instrument.size_decimals) for price in prices)
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise ValueError(
            f"Row {number + 1} of {path.name} is no candle ({', '.join(COLUMNS)} and open_time_ms or timestamp): "
            f"{dict(row)}."
        ) from error
    return Bar(
        symbol=instrument.symbol,
        number=number,
        open_time=opened,
        open=first,
        high=max(first, high, last),
        low=min(first, low, last),
        close=last,
        volume=volume,
    )


def _opened(row: Mapping[str, str]) -> datetime:
    if "open_time_ms" in row:
        return datetime.fromtimestamp(int(row["open_time_ms"]) / 1000, UTC)
    told = datetime.fromisoformat(row["timestamp"])
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)


def split_at_holes(bars: Iterable[Bar]) -> list[list[Bar]]:
    """Split bars, oldest first, wherever more than five minutes are missing."""
    segments: list[list[Bar]] = []
    for bar in bars:
        if not segments or bar.open_time - segments[-1][-1].open_time > LONGEST_HOLE + MINUTE:
            segments.append([])
        segments[-1].append(bar)
    return segments


def common_segment(series: Mapping[str, Sequence[Bar]]) -> dict[str, tuple[Bar, ...]]:
    """Return the longest stretch of time that all symbols have without a hole, one bar a minute, numbered from 0.

    A minute without a trade becomes a flat bar at the close before it, without volume. Raise `ValueError` where the
    symbols have no minute in common.
    """
    segments = {symbol: split_at_holes(bars) for symbol, bars in series.items()}
    spans: list[tuple[datetime, datetime]] | None = None
    for found in segments.values():
        own = [(segment[0].open_time, segment[-1].open_time) for segment in found]
        spans = own if spans is None else _overlaps(spans, own)
    if not spans:
        raise ValueError(f"The candles of {', '.join(series)} have no time in common.")
    start, end = max(spans, key=lambda span: span[1] - span[0])
    return {
        symbol: _every_minute(next(s for s in found if s[0].open_time <= start and s[-1].open_time >= end), start, end)
        for symbol, found in segments.items()
    }


def _overlaps(
    left: Sequence[tuple[datetime, datetime]], right: Sequence[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    pairs = ((max(a[0], b[0]), min(a[1], b[1])) for a in left for b in right)
    return [(start, end) for start, end in pairs if start <= end]


def _every_minute(segment: Sequence[Bar], start: datetime, end: datetime) -> tuple[Bar, ...]:
    traded = {bar.open_time: bar for bar in segment}
    before = max((bar for bar in segment if bar.open_time <= start), key=lambda bar: bar.open_time)
    bars: list[Bar] = []
    for number in range((end - start) // MINUTE + 1):
        opened = start + number * MINUTE
        bar = traded.get(opened)
        if bar is None:
            still = bars[-1].close if bars else before.close
            bar = replace(before, open_time=opened, open=still, high=still, low=still, close=still, volume=ZERO)
        bars.append(replace(bar, number=number))
    return tuple(bars)
