"""Playing bars: what the engine does with them, in its order, and nothing where nothing can come of it.

A bar is four prices, 15 s apart, and then the models' turn. Where the account holds nothing and no order waits, or no
price of the bar can reach what waits or bring the account down, only the last price counts: the others are passed over.
Which bars may be is decided by floats on the safe side; what happens is decided by the rules of the exchange.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading.agents.base import Agent, AgentView, to_command
from trading.agents.indicators import Window
from trading.backtesting.venue import Tally, Terms, Venue, waits
from trading.domain import margin
from trading.domain.commands import RecordEquity, SettleFunding, SubmitDecision
from trading.domain.funding import Premiums, hour_of, hourly_rate, key, sample_of, sampled
from trading.domain.market import Bar, Quote
from trading.domain.money import ZERO
from trading.domain.positions import Position
from trading.domain.triggers import fires_falling
from trading.domain.values import replace
from trading.market.feeds.candles import MINUTE, walk
from trading.market.feeds.paced import POINTS, WARMUP_BARS

QUARTER = MINUTE / POINTS
BAND = 1e-6
"""What has up to this share of its notional more than its maintenance margin is looked at exactly."""
TELL_EVERY = 1_000
LAST_MINUTE = 59
"""Of an hour."""
LAST_HOUR = 23
"""Of a day."""
FLAT = (ZERO, None)


@dataclass(frozen=True, slots=True)
class Held:
    """What the account has from the close of bar `place` on: cash, and signed size and entry notional by symbol."""

    place: int
    cash: Decimal
    positions: Mapping[str, tuple[Decimal, Decimal]]


@dataclass(slots=True)
class Run:
    """What came of a model: its fills and figures, and what it held when."""

    tally: Tally
    series: Mapping[str, Sequence[Bar]]
    first: int
    """The place of the first bar that was played."""
    capital: Decimal
    held: list[Held] = field(default_factory=list)


def play(
    agent: Agent,
    series: Mapping[str, Sequence[Bar]],
    terms: Terms,
    capital: Decimal,
    *,
    warmup: int = WARMUP_BARS,
    told: Callable[[int], object] = lambda bars: None,
) -> Run:
    """Let a model trade `series`: for each symbol the same minutes, oldest first; the first `warmup` are history.

    `told` is called now and then with the number of bars since the last call. Raises `ValueError` where there is
    nothing to play or the model trades none of the symbols.
    """
    if not set(agent.symbols) & set(series):
        raise ValueError(f"The model trades {', '.join(agent.symbols)}; there are only bars of {', '.join(series)}.")
    length = min(len(bars) for bars in series.values())
    if length <= warmup:
        raise ValueError(f"A recording of {length} bars leaves nothing after {warmup} bars of warm-up.")
    if agent.bars_needed > length:
        raise ValueError(
            f"The model looks at {agent.bars_needed} bars; there are only {length}: it would never decide."
        )
    player = _Player(agent, series, terms, capital, warmup)
    for place in range(warmup, length):
        player.bar(place)
        if (place - warmup + 1) % TELL_EVERY == 0:
            told(TELL_EVERY)
    told((length - warmup) % TELL_EVERY)
    return player.run


class _Player:
    def __init__(
        self, agent: Agent, series: Mapping[str, Sequence[Bar]], terms: Terms, capital: Decimal, first: int
    ) -> None:
        opened = next(iter(series.values()))[first].open_time
        self._agent = agent
        self._series = series
        self._clock = next(iter(series.values()))
        self._markets = [
            (symbol, bars, Window.rows_of(bars), terms.instruments[symbol])
            for symbol, bars in series.items()
            if symbol in agent.symbols
        ]
        self._terms = terms
        self._venue = Venue(terms, capital, opened)
        self._premiums: dict[str, Premiums] = {}
        self._tiers = {
            symbol: [(float(rate), float(deduction)) for _, rate, deduction in margin.maintenance_lines(each.tiers)]
            for symbol, each in terms.instruments.items()
        }
        self.run = Run(self._venue.tally, series, first, capital)
        self._look(first - 1)

    def bar(self, place: int) -> None:
        """Play one bar: its prices, as far as anything can come of them, and the model's turn."""
        walked = self._is_busy and self._is_eventful(place)
        if walked:
            self._walk(place)
            self._look(place)
        before = self._venue.state
        commands = self._decisions(place)
        if commands:
            closed = self._clock[place].open_time + MINUTE
            if not walked:
                self._venue.board.put(self._quotes(place, POINTS - 1, closed))
            self._venue.execute(commands, closed)
        if walked:
            self._after(self._clock[place], POINTS - 1)
        if self._venue.state is not before:
            self._look(place)

    def _decisions(self, place: int) -> list[SubmitDecision]:
        agent, equity = self._agent, self._venue.state.cash
        if self._positions:
            equity = self._equity(place)
        start, end = max(0, place + 1 - agent.bars_needed), place + 1
        commands = []
        for symbol, bars, rows, instrument in self._markets:
            size, entry = self._seen.get(symbol, FLAT)
            window = Window(bars, rows, start, end)
            view = AgentView(symbol, instrument, window, bars[place].close, equity, size, entry)
            verdict = agent.decide(view)
            if verdict is not None:
                commands.append(to_command(agent.name, view, verdict))
        return commands

    def _equity(self, place: int) -> Decimal:
        marks = {symbol: self._series[symbol][place].close for symbol in self._positions}
        return margin.account_value(self._venue.state.cash, self._positions.values(), marks)

    def _look(self, place: int) -> None:
        """See what the account has after a bar in which something happened."""
        state = self._venue.state
        self._positions: dict[str, Position] = {s: p for s, p in state.positions.items() if p.is_open}
        self._seen = {symbol: (p.signed_size, p.entry_price) for symbol, p in self._positions.items()}
        self._is_busy = bool(self._positions or state.orders)
        self._waiting = [
            (order.symbol, fires_falling(order.side, order.order_type), order.trigger_price)
            for order in state.orders.values()
            if waits(order, order.symbol) and order.trigger_price
        ]
        self._is_resting = any(order.is_open for order in state.orders.values())
        held = {s: (p.signed_size, p.entry_notional * p.side.sign) for s, p in self._positions.items()}
        self.run.held.append(Held(place, state.cash, held))

    def _is_eventful(self, place: int) -> bool:
        """Tell whether a price of the bar may bring anything about."""
        if self._is_resting or self._clock[place].open_time.minute == LAST_MINUTE:  # the hour's funding, the day's end
            return True
        for symbol, falling, trigger in self._waiting:
            bar = self._series[symbol][place]
            if bar.low <= trigger if falling else bar.high >= trigger:
                return True
        return self._may_lack_margin(place)

    def _may_lack_margin(self, place: int) -> bool:
        """Tell whether the worst prices of the bar, all at once, may take what the positions need."""
        value, needed = float(self._venue.state.cash), 0.0
        for symbol, position in self._positions.items():
            long = position.side.sign > 0
            bar = self._series[symbol][place]
            notional = float(position.size) * float(bar.low if long else bar.high)
            value += (notional - float(position.entry_notional)) * position.side.sign
            needed += max(notional * rate - deduction for rate, deduction in self._tiers[symbol]) + BAND * notional
        return value < needed

    def _walk(self, place: int) -> None:
        """Take the bar's prices one after the other; after the last one come the models, and then `_after`."""
        bar = self._clock[place]
        may_lack_margin = self._may_lack_margin(place)
        for point in range(POINTS):
            at = bar.open_time + (point + 1) * QUARTER
            if bar.open_time.minute == LAST_MINUTE:
                self._due = {symbol: self._size(symbol) for symbol in self._series}
            for quote in self._quotes(place, point, at):
                self._venue.tick(quote, at, may_lack_margin=may_lack_margin)
            if point < POINTS - 1:
                self._after(bar, point)

    def _after(self, bar: Bar, point: int) -> None:
        """Do what the engine does at the end of a step: let orders in, fund, write equity down.

        Funding needs the samples of the hour's last minute only, as those of an assumed book are all alike; equity is
        to be known where a day ends.
        """
        now = bar.open_time + (point + 1) * QUARTER
        if self._is_resting:
            self._venue.let_in(now)
        if bar.open_time.minute == LAST_MINUTE:
            self._fund(now)
            if bar.open_time.hour == LAST_HOUR:
                self._venue.execute([RecordEquity()], now)

    def _fund(self, now: datetime) -> None:
        """Sample premiums, and settle the hours that have ended at the rate of their samples."""
        market, hour, number = self._venue.market(now), hour_of(now), sample_of(now)
        for symbol in sorted(self._series):
            premiums = self._premiums.get(symbol)
            if premiums is not None and premiums.hour <= now < premiums.hour + QUARTER:  # later nothing was held
                self._settle(symbol, premiums, now)
            found = sampled(market, self._terms.instruments[symbol], now)
            if found is not None:
                if premiums is None or premiums.hour != hour:
                    premiums = Premiums(hour)
                self._premiums[symbol] = premiums.plus(number, found.premium, found.oracle)

    def _settle(self, symbol: str, premiums: Premiums, now: datetime) -> None:
        """Settle an hour that ended with this very step, on what was held before it."""
        venue, hour = self._venue, premiums.hour
        venue.state = replace(venue.state, held_when_due={key(symbol, hour): self._due[symbol]})
        venue.execute([SettleFunding(symbol, hour, hourly_rate(premiums.mean), premiums.oracle)], now)

    def _size(self, symbol: str) -> Decimal:
        position = self._venue.state.positions.get(symbol)
        return ZERO if position is None else position.signed_size

    def _quotes(self, place: int, point: int, at: datetime) -> list[Quote]:
        return [Quote(symbol, walk(bars[place])[point], at) for symbol, bars in self._series.items()]
