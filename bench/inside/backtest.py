"""Backtests of the rules over real candles, in memory. `python -m bench.inside.backtest`."""

from datetime import UTC, datetime
from decimal import Decimal
from time import perf_counter
from typing import Any

import django

from bench.inside import answer

WARMUP = 200


class Backtests:
    """The two recorded days that ship with the project, played forwards and backwards until there are enough bars."""

    def __init__(self) -> None:
        from trading.listing import LISTED
        from trading.market.feeds.candles import shipped_series
        from trading.market.feeds.replay import ReplayFeed
        from trading.models import Instrument

        self._instruments = {s: Instrument(symbol=s, **values).to_domain() for s, values in LISTED.items()}
        series = {"BTC": shipped_series(self._instruments)["BTC"]}
        self._feed = ReplayFeed(series, speed=1.0, now=datetime(2018, 4, 6, tzinfo=UTC))
        self._bars: tuple[Any, ...] = ()

    def respond(self, model: str, bars: int) -> dict[str, Any]:
        """Let a model with its usual settings trade so many bars; tell how long that took, without reading them."""
        from trading.agents import make_agent
        from trading.backtesting.play import play
        from trading.backtesting.venue import Terms

        if len(self._bars) != WARMUP + bars:
            self._bars = tuple(self._feed.bar("BTC", number) for number in range(WARMUP + bars))
        agent = make_agent(model, {"every": 0})
        began = perf_counter()
        run = play(agent, {"BTC": self._bars}, Terms(self._instruments), Decimal(10_000))
        return {"seconds": perf_counter() - began, "fills": len(run.tally.fills)}


if __name__ == "__main__":
    django.setup()
    answer(Backtests().respond)
