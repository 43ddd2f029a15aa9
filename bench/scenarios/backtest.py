"""How many bars a second a backtest plays, in a process of its own without a database."""

from bench.inside import inside
from bench.run import Run

OURS = "hyperoru"
MODELS = {
    "backtest.rsi": "rsi_support_resistance",
    "backtest.ema": "ema_macd",
    "backtest.donchian": "donchian_breakout",
}


def backtest(run: Run) -> None:
    if OURS not in run.servers:
        return
    bars = run.plan.bars
    with inside("backtest", run.template) as child:
        child.ask(model="buy_and_hold", bars=bars)  # reads the candles
        for repeat in range(run.plan.repeats):
            for key, model in MODELS.items():
                found = child.ask(model=model, bars=bars)
                rate = bars / found["seconds"]
                run.results.add(key, OURS, rate)
                run.tell(f"  backtest {repeat + 1}: {model} {rate:,.0f} bars/s, {found['fills']:,} fills")
