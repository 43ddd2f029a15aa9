"""Feeds give prices that a market made, in order, and go on after a restart as if nothing had been."""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.instruments import Instrument, MarginTier
from trading.domain.market import Bar, Quote
from trading.market.feeds import KINDS, ManualFeed, ReplayFeed, SimulatedFeed, make_feed
from trading.market.feeds.base import Feed
from trading.market.feeds.candles import common_segment, read_candles, shipped_series, split_at_holes
from trading.market.feeds.paced import BAR_US, PacedFeed

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)
TIERS = (MarginTier(Decimal(0), 40),)
INSTRUMENTS = {"BTC": Instrument("BTC", 5, TIERS), "ETH": Instrument("ETH", 4, TIERS)}
RECORDED = shipped_series(INSTRUMENTS)
ENDLESS = ["replay", "simulated"]


def feed_of(kind: str, *, speed: float = 60, seed: int = 1, cursor: dict | None = None, now: datetime = NOW) -> Feed:
    if kind == "replay":
        return ReplayFeed(RECORDED, speed=speed, now=now, cursor=cursor)
    return make_feed(kind, speed=speed, seed=seed, instruments=INSTRUMENTS, now=now, cursor=cursor)


def short_replay(length: int = 12, **changes: object) -> ReplayFeed:
    series = {symbol: bars[:length] for symbol, bars in RECORDED.items()}
    arguments: dict = {"speed": 60, "now": NOW, "warmup": 4} | changes
    return ReplayFeed(series, **arguments)


def play(feed: Feed, steps: Sequence[timedelta], now: datetime = NOW) -> list[Quote | Bar]:
    events: list[Quote | Bar] = []
    for step in steps:
        now += step
        events += feed.advance(now)
    return events


def bars_of(events: Sequence[Quote | Bar], symbol: str) -> list[Bar]:
    return [event for event in events if isinstance(event, Bar) and event.symbol == symbol]


def marks_of(events: Sequence[Quote | Bar], symbol: str) -> list[Decimal]:
    return [event.mark for event in events if isinstance(event, Quote) and event.symbol == symbol]


def bar_at(minute: int, price: str = "100", symbol: str = "BTC") -> Bar:
    opened = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    number = Decimal(price)
    return Bar(symbol, minute, opened, number, number, number, number, Decimal(1))


# What is recorded


def test_shipped_candles_are_a_whole_day_of_both_symbols() -> None:
    assert {symbol: len(bars) for symbol, bars in RECORDED.items()} == {"BTC": 1440, "ETH": 1440}
    for symbol, bars in RECORDED.items():
        assert [bar.number for bar in bars] == list(range(1440))
        assert bars[0].open_time == datetime(2018, 4, 5, tzinfo=UTC)
        assert all(after.open_time - before.open_time == timedelta(minutes=1) for before, after in pairwise(bars))
        for bar in bars:
            assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high
            assert all(INSTRUMENTS[symbol].price_is_valid(price) for price in (bar.open, bar.high, bar.low, bar.close))


def test_segments_end_where_more_than_five_minutes_are_missing() -> None:
    assert [len(part) for part in split_at_holes([bar_at(n) for n in (0, 1, 7, 8, 15)])] == [4, 1]


def test_common_segment_is_the_longest_that_all_have_with_still_minutes_filled() -> None:
    btc = [bar_at(n, str(100 + n)) for n in (0, 1, 20, 21, 23, 24, 25)]
    eth = [bar_at(n, "7", "ETH") for n in (1, 2, 19, 20, 21, 22, 23, 24)]
    common = common_segment({"BTC": btc, "ETH": eth})
    assert [bar.close for bar in common["BTC"]] == [120, 121, 121, 123, 124]
    assert [bar.volume for bar in common["BTC"]] == [1, 1, 0, 1, 1]
    assert [bar.number for bar in common["ETH"]] == [0, 1, 2, 3, 4]
    assert len({tuple(bar.open_time for bar in bars) for bars in common.values()}) == 1


def test_symbols_without_common_time_are_refused() -> None:
    with pytest.raises(ValueError, match="no time in common"):
        common_segment({"BTC": [bar_at(0)], "ETH": [bar_at(9, "1", "ETH")]})


@pytest.mark.parametrize("row", ["x,1,1,1,1,1", "0,1,1,,1,1", "0,1,1,0,1,1", "0,1,1,NaN,1,1", "0,1,1"])
def test_a_row_that_is_no_candle_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "bad.csv.gz"
    path.write_bytes(gzip.compress(f"open_time_ms,open,high,low,close,volume\n{row}\n".encode()))
    with pytest.raises(ValueError, match=r"Row 1 of bad\.csv\.gz"):
        read_candles(path, INSTRUMENTS["BTC"])


def a_file(path: Path, minutes: Sequence[int], volume: str = "1") -> Path:
    rows = [f"{minute * 60_000},1,1,1,1,{volume}" for minute in minutes]
    path.write_text("\n".join(["open_time_ms,open,high,low,close,volume", *rows]))
    return path


@pytest.mark.parametrize(
    ("minutes", "told"),
    [
        ([0, 5, 10, 15], "are of 300 s; only those of a minute"),
        ([0, 60, 120], "are of 3600 s; only those of a minute"),
        ([3, 2, 1], "Row 2 of candles.csv is not later than the one before"),
        ([1, 2, 3, 3, 4], "Row 4 of candles.csv is not later than the one before"),
        ([], "candles.csv has no candles"),
    ],
)
def test_what_is_no_series_of_minutes_is_refused(tmp_path: Path, minutes: list[int], told: str) -> None:
    """Four of five bars would be made up."""
    with pytest.raises(ValueError, match=told):
        read_candles(a_file(tmp_path / "candles.csv", minutes), INSTRUMENTS["BTC"])


@pytest.mark.parametrize("volume", ["NaN", "Infinity", "-1"])
def test_a_volume_is_an_amount(tmp_path: Path, volume: str) -> None:
    with pytest.raises(ValueError, match=r"Row 1 of candles\.csv is no candle"):
        read_candles(a_file(tmp_path / "candles.csv", [1, 2], volume), INSTRUMENTS["BTC"])


def test_a_file_that_is_broken_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(a_file(tmp_path / "candles.csv", range(500)).read_bytes())
    path = tmp_path / "broken.csv.gz"
    for broken in (b"hello", whole[:200], whole[:-8]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"broken\.csv\.gz is not gzipped, or not all of it is there"):
            read_candles(path, INSTRUMENTS["BTC"])
    text = tmp_path / "text.csv"
    text.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"text\.csv is no CSV"):
        read_candles(text, INSTRUMENTS["BTC"])


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = a_file(tmp_path / "candles.csv", [1, 2])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_candles(path, INSTRUMENTS["BTC"])) == 2


# Replay


def recorded_moves(bars: Sequence[Bar]) -> set[Decimal]:
    """Every move between two quotes that the candles contain, without its direction."""
    moves = {abs(after.open - before.close) for before, after in pairwise(bars)}
    for bar in bars:
        moves |= {
            abs(a - b)
            for a in (bar.open, bar.high, bar.low, bar.close)
            for b in (bar.open, bar.high, bar.low, bar.close)
        }
    return moves


def test_replay_moves_only_as_the_candles_did_across_both_turns() -> None:
    feed = short_replay()
    events = play(feed, [SECOND] * (12 * 5))
    for symbol, bars in RECORDED.items():
        known = recorded_moves(bars[:12])
        marks = [feed.history(symbol)[0].open, *marks_of(events, symbol)][1:]
        assert len(marks) == 12 * 5 * 4
        assert {abs(after - before) for before, after in pairwise(marks)} <= known


def test_whole_replay_never_jumps_further_than_the_market_did() -> None:
    events = play(feed_of("replay", speed=1200), [SECOND] * 160)
    for symbol, bars in RECORDED.items():
        marks = marks_of(events, symbol)
        assert len(marks) == 160 * 20 * 4
        assert max(abs(b - a) for a, b in pairwise(marks)) <= max(recorded_moves(bars))


def test_replay_turns_at_the_end_and_at_the_start() -> None:
    feed = short_replay()
    closes = [bar.close for bar in RECORDED["BTC"][:12]]
    opens = [bar.open for bar in RECORDED["BTC"][:12]]
    played = bars_of(play(feed, [SECOND] * 32), "BTC")
    assert [bar.close for bar in played] == closes[4:] + opens[::-1] + closes
    assert [bar.open for bar in played] == opens[4:] + closes[::-1] + opens


def test_replay_walks_each_bar_toward_its_nearer_extreme_first() -> None:
    feed = short_replay()
    for number in range(12):
        bar = RECORDED["BTC"][number]
        first, second, third, last = feed.path("BTC", number)
        assert (first, last) == (bar.open, bar.close)
        assert {second, third} == {bar.low, bar.high}
        assert abs(second - first) <= abs(third - first)
        assert feed.path("BTC", 23 - number) == (last, third, second, first)


def test_replay_needs_the_same_minutes_and_more_than_the_warm_up() -> None:
    with pytest.raises(ValueError, match="same minutes"):
        ReplayFeed({"BTC": RECORDED["BTC"][:9], "ETH": RECORDED["ETH"][:8]}, speed=1, now=NOW)
    with pytest.raises(ValueError, match="warm-up"):
        short_replay(length=4)


# What every feed that plays bars promises


@pytest.mark.parametrize("kind", ENDLESS)
def test_marks_are_on_the_tick_and_bars_are_what_the_quotes_showed(kind: str) -> None:
    events = play(feed_of(kind), [SECOND] * 50)
    for symbol, instrument in INSTRUMENTS.items():
        marks, bars = marks_of(events, symbol), bars_of(events, symbol)
        assert len(bars) == 50
        assert all(instrument.price_is_valid(mark) for mark in marks)
        for index, bar in enumerate(bars):
            seen = marks[4 * index : 4 * index + 4]
            assert (bar.open, bar.high, bar.low, bar.close) == (seen[0], max(seen), min(seen), seen[-1])


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_bar_comes_right_after_the_quotes_that_closed_it(kind: str) -> None:
    for at, event in enumerate(events := feed_of(kind).advance(NOW + SECOND)):
        if isinstance(event, Bar):
            quote = next(e for e in reversed(events[:at]) if isinstance(e, Quote) and e.symbol == event.symbol)
            assert quote.mark == event.close
    assert [type(event) for event in events[-4:]] == [Quote, Quote, Bar, Bar]


@pytest.mark.parametrize("kind", ENDLESS)
def test_history_is_what_came_before_the_first_bar(kind: str) -> None:
    feed = feed_of(kind)
    before = feed.history("ETH")
    after = bars_of(play(feed, [SECOND] * 300), "ETH")
    assert [bar.number for bar in before + after] == list(range(500))
    assert all(b.open_time - a.open_time == timedelta(minutes=1) for a, b in pairwise(before + after))
    assert feed.history("ETH") == (before + after)[-200:]


@pytest.mark.parametrize("kind", ENDLESS)
def test_quotes_are_never_in_the_future_nor_before_the_last_advance(kind: str) -> None:
    feed = feed_of(kind, speed=97.3)
    now, last = NOW, NOW
    for milliseconds in (10, 1234, 1, 777, 90_000, 333):
        now += timedelta(milliseconds=milliseconds)
        ats = [event.at for event in feed.advance(now) if isinstance(event, Quote)]
        assert ats == sorted(ats)
        assert all(last - timedelta(milliseconds=1) <= at <= now for at in ats)
        last = now


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_pause_is_not_followed_by_a_flood(kind: str) -> None:
    events = feed_of(kind).advance(NOW + timedelta(hours=9))
    assert len(bars_of(events, "BTC")) == 2
    assert all(NOW + timedelta(hours=9) - event.at <= 2 * SECOND for event in events if isinstance(event, Quote))


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_clock_that_goes_back_gives_no_price_and_no_error(kind: str) -> None:
    feed = feed_of(kind)
    feed.advance(NOW + SECOND)
    assert feed.advance(NOW - timedelta(hours=1)) == []
    assert len(bars_of(feed.advance(NOW - timedelta(hours=1) + SECOND), "BTC")) == 1


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_slow_market_is_quoted_again_before_it_goes_stale(kind: str) -> None:
    feed = feed_of(kind, speed=0.1)
    events = play(feed, [SECOND] * 30)
    ats = [event.at for event in events if isinstance(event, Quote) and event.symbol == "BTC"]
    assert ats == [NOW + n * SECOND for n in range(1, 31)]
    assert set(marks_of(events, "BTC")) == {feed.history("BTC")[-1].close}


@pytest.mark.parametrize("kind", ENDLESS)
def test_the_first_advance_quotes_at_once(kind: str) -> None:
    feed = feed_of(kind)
    assert marks_of(feed.advance(NOW), "BTC") == [feed.history("BTC")[-1].close]


def told(events: Sequence[Quote | Bar]) -> list[object]:
    """What the events say, without the time at which they were said, and a standing price once."""
    seen: dict[str, Decimal] = {}
    result: list[object] = []
    for event in events:
        if isinstance(event, Bar):
            result.append(event)
        elif seen.get(event.symbol) != event.mark:
            seen[event.symbol] = event.mark
            result.append((event.symbol, event.mark))
    return result


@pytest.mark.parametrize("kind", ENDLESS)
@given(
    before=st.lists(st.integers(0, 2_000), max_size=12),
    after=st.lists(st.integers(0, 2_000), max_size=12),
    speed=st.sampled_from([1.0, 7.3, 60.0, 600.0]),
)
@settings(max_examples=25, deadline=None)
def test_a_feed_goes_on_exactly_from_any_cursor(kind: str, before: list[int], after: list[int], speed: float) -> None:
    first, then = ([timedelta(milliseconds=n) for n in part] for part in (before, after))
    whole = feed_of(kind, speed=speed)
    start = play(whole, first)
    cursor = json.loads(json.dumps(whole.cursor()))
    history = {symbol: whole.history(symbol) for symbol in INSTRUMENTS}
    resumed = feed_of(kind, speed=speed, cursor=cursor, now=NOW + timedelta(days=3))
    assert {symbol: resumed.history(symbol) for symbol in INSTRUMENTS} == history
    there = play(resumed, then, NOW + timedelta(days=3))
    here = play(whole, then, NOW + sum(first, timedelta()))
    assert told(start + there) == told(start + here)
    assert resumed.cursor() == whole.cursor()
    numbers = [bar.number for bar in bars_of(start + there, "BTC")]
    assert numbers == list(range(200, 200 + len(numbers)))


@pytest.mark.parametrize("kind", ENDLESS)
@given(steps=st.lists(st.integers(1, 2_000), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_prices_do_not_depend_on_how_often_one_asks(kind: str, steps: list[int]) -> None:
    at_once = timedelta(0)
    often = play(feed_of(kind), [at_once, *(timedelta(milliseconds=n) for n in steps)])
    whole, rest = divmod(sum(steps), 2000)
    seldom = play(feed_of(kind), [at_once, *[2 * SECOND] * whole, timedelta(milliseconds=rest)])
    assert told(seldom) == told(often)


@pytest.mark.parametrize(("old", "new"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_bar_numbers_go_on_when_the_kind_of_market_changes(old: str, new: str) -> None:
    feed = feed_of("replay")
    play(feed, [SECOND] * 7)
    if old != "replay":
        feed = feed_of(old, cursor=feed.cursor())
        play(feed, [SECOND] * 3)
    cursor = feed.cursor()
    changed = feed_of(new, cursor=json.loads(json.dumps(cursor)))
    assert changed.cursor()["next_bar"] == cursor["next_bar"] >= 207
    if isinstance(changed, PacedFeed):
        bars = changed.history("BTC") + bars_of(play(changed, [SECOND] * 2), "BTC")
        assert [bar.number for bar in bars][-202:] == list(range(cursor["next_bar"] - 200, cursor["next_bar"] + 2))


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_a_speed_that_cannot_be_played_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        feed_of("replay", speed=speed)


# Simulated


def test_the_same_seed_makes_the_same_prices_and_another_makes_others() -> None:
    steps = [SECOND] * 20
    assert play(feed_of("simulated", seed=5), steps) == play(feed_of("simulated", seed=5), steps)
    assert play(feed_of("simulated", seed=5), steps) != play(feed_of("simulated", seed=6), steps)


def test_simulated_prices_are_the_same_on_every_machine() -> None:
    feed = feed_of("simulated", seed=7)
    assert feed.history("BTC")[0].open == Decimal("67002.0")
    assert feed.history("BTC")[-1].close == Decimal("66599.0")
    assert feed.history("ETH")[-1].close == Decimal("3508.80")


def test_simulated_prices_stay_in_a_sensible_band_and_do_move() -> None:
    feed = SimulatedFeed({"BTC": Decimal(67_000)}, INSTRUMENTS, seed=3, speed=60 * 500, now=NOW)
    closes = [bar.close for bar in bars_of(play(feed, [2 * SECOND] * 8), "BTC")]
    assert len(closes) == 8000
    assert 55_000 < min(closes) < 66_000
    assert 68_000 < max(closes) < 79_000
    assert max(abs(b / a - 1) for a, b in pairwise(closes)) < Decimal("0.01")


def test_a_simulated_cursor_stays_small() -> None:
    feed = feed_of("simulated", speed=6000)
    play(feed, [SECOND] * 20)
    assert len(json.dumps(feed.cursor())) < 500
    assert feed.cursor()["market_us"] == (200 + 2000) * BAR_US


# Manual, and making feeds


def test_a_manual_market_says_nothing_of_its_own() -> None:
    feed = feed_of("manual")
    assert isinstance(feed, ManualFeed)
    assert feed.symbols == ("BTC", "ETH")
    assert feed.history("BTC") == play(feed, [SECOND] * 3) == []


def test_a_replay_prices_only_what_is_recorded() -> None:
    both = make_feed("replay", speed=60, seed=1, instruments=INSTRUMENTS, now=NOW)
    assert both.cursor() == feed_of("replay").cursor()
    more = INSTRUMENTS | {"SOL": Instrument("SOL", 2, TIERS)}
    feed = make_feed("replay", speed=60, seed=1, instruments=more, now=NOW)
    assert feed.symbols == ("BTC", "ETH")
    with pytest.raises(ValueError, match="no recorded candles of SOL"):
        make_feed("replay", speed=60, seed=1, instruments={"SOL": more["SOL"]}, now=NOW)


def test_an_unknown_kind_is_told_what_there_is() -> None:
    with pytest.raises(ValueError, match="choose one of replay, simulated, manual"):
        feed_of("oracle")
