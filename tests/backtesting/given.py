"""Candles and models for tests of the backtest."""

from typing import Any

from trading.domain.instruments import Instrument
from trading.domain.market import Bar
from trading.listing import LISTED
from trading.market.feeds.candles import shipped_series
from trading.models import Instrument as InstrumentRow

INSTRUMENTS: dict[str, Instrument] = {s: InstrumentRow(symbol=s, **values).to_domain() for s, values in LISTED.items()}
LIVELY: dict[str, dict[str, Any]] = {
    "rsi_support_resistance": {
        "period": 6, "lookback": 60, "oversold": 40, "overbought": 60, "exit_level": 55, "near_atr": 2,
        "stop_atr": 3, "target_atr": 2, "risk_pct": 1,
    },
    "ema_macd": {"stop_atr": 2, "target_atr": 3, "risk_pct": 1, "every": 7},
    "donchian_breakout": {"period": 10, "exit_period": 5, "risk_pct": 2, "leverage": 10},
    "buy_and_hold": {"leverage": 3},
    "random": {"enter_pct": 30, "leave_pct": 5, "seed": 7, "risk_pct": 1},
}  # fmt: skip
"""Every rule, so set that a few hundred bars see it enter, leave, be stopped and earn its target."""


def shipped(bars: int, *symbols: str) -> dict[str, tuple[Bar, ...]]:
    """Return the warm-up and so many bars of the recording that ships with the project."""
    series = shipped_series(INSTRUMENTS)
    return {symbol: series[symbol][: 200 + bars] for symbol in symbols or ("BTC",)}
