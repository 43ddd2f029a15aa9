"""Make up a market: a seeded random walk, the same on every machine."""

import random
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.domain.instruments import Instrument, round_to_tick
from trading.domain.market import Bar
from trading.domain.money import ZERO
from trading.market.feeds.candles import MINUTE
from trading.market.feeds.paced import POINTS, WARMUP_BARS, PacedFeed, Path

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
TICK_VOLATILITY = 0.0004
"""Standard deviation of the relative move of one quote (15 seconds of the market)."""
REVERSION = 0.00009
"""Part of the distance to the start price that each quote takes back: the price strays by about 3 %."""


class SimulatedFeed(PacedFeed):
    """A geometric random walk with a mild pull towards the start prices (USDC), so that days stay in a sensible band.

    Each bar's moves are drawn from its own generator, seeded by seed, symbol and number. The same seed gives the same
    prices whatever the cadence of `advance`. Only sums, products and quotients are used, which every platform rounds
    alike. `Bar.open_time` is a market time that starts at 2024-01-01 UTC and counts a minute for each number.
    """

    kind = "simulated"

    def __init__(
        self,
        start_prices: Mapping[str, Decimal],
        instruments: Mapping[str, Instrument],
        *,
        seed: int,
        speed: float,
        now: datetime,
        cursor: Mapping[str, Any] | None = None,
        warmup: int = WARMUP_BARS,
    ) -> None:
        self._start_prices = {symbol: float(price) for symbol, price in start_prices.items()}
        self._size_decimals = {symbol: instruments[symbol].size_decimals for symbol in start_prices}
        self._seed = seed
        data = " ".join([str(seed), *(f"{symbol}={price:f}" for symbol, price in sorted(start_prices.items()))])
        super().__init__(tuple(start_prices), data=data, speed=speed, now=now, cursor=cursor, warmup=warmup)
        oldest, prices = self._first_number, self._start_prices
        if cursor is not None and self.continues(cursor):
            oldest = int(cursor["oldest"])
            prices = {symbol: float(cursor["prices"][symbol]) for symbol in self.symbols}
        self._oldest = oldest
        self._prices: dict[str, deque[float]] = {symbol: deque([prices[symbol]]) for symbol in self.symbols}
        """For each symbol the unrounded price before each kept bar, and after the last."""
        self._paths: dict[str, deque[Path]] = {symbol: deque() for symbol in self.symbols}

    def path(self, symbol: str, number: int) -> Path:
        """Return the four marks of a bar that is kept or is the next one."""
        self._draw_up_to(number)
        return self._paths[symbol][number - self._oldest]

    def bar(self, symbol: str, number: int) -> Bar:
        """Return the bar that its four marks make; nobody trades in it, so it has no volume."""
        marks = self.path(symbol, number)
        return Bar(
            symbol=symbol,
            number=number,
            open_time=EPOCH + number * MINUTE,
            open=marks[0],
            high=max(marks),
            low=min(marks),
            close=marks[-1],
            volume=ZERO,
        )

    def cursor(self) -> dict[str, Any]:
        """Return where to go on, with the prices before the oldest bar kept: the rest is drawn again from there."""
        return {
            **super().cursor(),
            "oldest": self._oldest,
            "prices": {symbol: self._prices[symbol][0] for symbol in self.symbols},
        }

    def _draw_up_to(self, number: int) -> None:
        while self._oldest + len(self._paths[self.symbols[0]]) <= number:
            for symbol in self.symbols:
                self._draw(symbol, self._oldest + len(self._paths[symbol]))
            # One more than the history: the last quote of a bar is still asked for while the next one forms.
            if len(self._paths[self.symbols[0]]) > self._warmup + 1:
                self._oldest += 1
                for symbol in self.symbols:
                    self._prices[symbol].popleft()
                    self._paths[symbol].popleft()

    def _draw(self, symbol: str, number: int) -> None:
        generator = random.Random(f"{self._seed}:{symbol}:{number}")  # noqa: S311 - prices, not secrets
        price, start = self._prices[symbol][-1], self._start_prices[symbol]
        marks: list[Decimal] = []
        for _ in range(POINTS):
            noise = sum(generator.random() for _ in range(12)) - 6
            price *= 1 + noise * TICK_VOLATILITY + (start / price - 1) * REVERSION
            marks.append(round_to_tick(Decimal(price), self._size_decimals[symbol]))
        self._prices[symbol].append(price)
        self._paths[symbol].append((marks[0], marks[1], marks[2], marks[3]))
