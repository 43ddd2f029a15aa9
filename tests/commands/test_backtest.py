"""The command that lets models trade candles in memory."""

import csv
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.backtesting.given import LIVELY
from trading.market.feeds.candles import SHIPPED

BTC = str(SHIPPED["BTC"])
FILES = [word for symbol, path in SHIPPED.items() for word in ("--data", f"{symbol}={path}")]
TWO = ["--model", "rsi_support_resistance", "--model-settings", json.dumps(LIVELY["rsi_support_resistance"]),
       "--model", "buy_and_hold"]  # fmt: skip


def run(*words: str) -> str:
    """Return what the command printed. No test here may touch the database: it would be refused."""
    out = StringIO()
    call_command("backtest", *words, stdout=out)
    return out.getvalue()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def told(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json"))
    return found


def test_two_models_side_by_side_without_a_database() -> None:
    text = run(*TWO, "--data", BTC, "--bars", "300")
    head, names, *lines = text.splitlines()
    assert head.startswith("300 bars of BTC from 2018-04-05T03:20:00")
    assert names.split() == ["rsi_support_resistance", "buy_and_hold"]
    assert [line for line in lines if line.startswith("final equity")]
    assert "Sharpe" in text


def test_the_figures_follow_from_the_files(tmp_path: Path) -> None:
    found = told(*TWO, "--data", BTC, "--bars", "300", "--capital", "5000", "--out", str(tmp_path))
    whole = json.loads((tmp_path / "report.json").read_text())
    for model, listed in zip(found["models"], whole["models"], strict=True):
        trades, fills = listed.pop("trade_list"), listed.pop("fill_list")
        assert model == listed
        closed = [trade for trade in trades if trade["closed_at"]]
        nets = [Decimal(trade["net_pnl"]) for trade in closed]
        assert (model["trades"], model["fills"]) == (len(closed), len(fills))
        assert Decimal(model["fees"]) == sum(Decimal(fill["fee"]) for fill in fills)
        gross = sum(Decimal(fill["pnl"] or 0) for fill in fills)
        if model["open_trades"] == 0:
            assert Decimal(model["final_equity"]) == 5000 + gross - Decimal(model["fees"]) + Decimal(model["funding"])
        if nets:
            won = sum(net > 0 for net in nets)
            assert Decimal(model["win_rate_pct"]) == round(Decimal(100 * won) / len(nets), 6)
        label = model["label"]
        assert rows(tmp_path / f"trades-{label}.csv") == [
            {name: "" if value is None else str(value) for name, value in trade.items()} for trade in trades
        ]
        assert len((tmp_path / f"fills-{label}.csv").read_text().splitlines()) == len(fills) + 1
        equity = rows(tmp_path / "equity.csv")
        assert (len(equity), equity[0][label], equity[-1][label]) == (301, "5000", model["final_equity"])
    assert ElementTree.parse(tmp_path / "equity.svg").getroot().tag.endswith("svg")


def test_the_picture_may_be_a_png_and_two_settings_of_a_model_are_told_apart(tmp_path: Path) -> None:
    words = ["--model", "ema_macd", "--model", "ema_macd", "--model-settings", '{"symbols": ["ETH"]}']
    found = told(*words, *FILES, "--bars", "60", "--out", str(tmp_path), "--picture", "png")
    assert [model["label"] for model in found["models"]] == ["ema_macd-1", "ema_macd-2"]
    assert found["symbols"] == ["BTC", "ETH"]
    assert (tmp_path / "equity.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_again_gives_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        told("--model", "random", "--data", BTC, "--bars", "200", "--out", str(tmp_path / name))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_what_a_hole_leaves_out_is_told(tmp_path: Path) -> None:
    rows = [f"{minute * 60_000},100,101,99,100,1" for minute in (*range(300), *range(310, 350))]
    path = tmp_path / "hole.csv"
    path.write_text("\n".join(["open_time_ms,open,high,low,close,volume", *rows]))
    found = told("--model", "random", "--data", str(path))
    assert (found["bars"], found["left_out"]) == (100, {"BTC": 40})
    assert "40 candles of BTC are left out" in run("--model", "random", "--data", str(path))


def test_why_orders_were_refused_is_told() -> None:
    words = ["--model", "donchian_breakout", "--model-settings", '{"leverage": 25, "risk_pct": 1}', "--model", "random"]
    words += ["--data", BTC, "--bars", "300"]
    refused, traded = told(*words)["models"]
    assert refused["refused_by"] == {"risk_leverage": refused["refused"]}
    assert refused["refused"] > 0
    assert traded["refused_by"] == {}
    [total, reason] = [line for line in run(*words).splitlines() if "refused" in line or "risk_" in line]
    assert total.split() == ["orders", "refused", str(refused["refused"]), "0"]
    assert reason.split() == ["risk_leverage", str(refused["refused"]), "0"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "crystal", "--data", BTC], "There is no model 'crystal'"),
        (["--model", "random", "--model-settings", '{"seed": "x"}', "--data", BTC], "random: The setting 'seed'"),
        (["--model", "random", "--model-settings", "[]", "--data", BTC], "must be a JSON object"),
        (["--model-settings", "{}", "--model", "random", "--data", BTC], "comes after the --model"),
        (["--model", "random", "--model-settings", '{"symbols": ["ETH"]}', "--data", BTC], "only bars of BTC"),
        (["--model", "random", "--data", "DOGE=x.csv"], "DOGE is not traded here"),
        (["--model", "random", "--data", "nowhere.csv"], "nowhere.csv: No such file"),
        (["--model", "random", "--data", BTC, "--data", BTC], "one file for each symbol"),
        (["--model", "random", "--data", "=x"], "is no .SYMBOL=.FILE"),
        (["--model", "random", "--data", BTC, "--capital", "0"], "no amount of USDC above 0"),
        (["--model", "random", "--data", BTC, "--bars", "0"], "must be 1 or more"),
        (["--model", "random", "--data", __file__], "is no candle"),
        (["--model", "llm", "--data", BTC], "llm is asked over the network; only buy_and_hold"),
        (
            ["--model", "random", "--model-settings", '{"stop_atr": 1e400}', "--data", BTC],
            "'stop_atr' must be a number",
        ),
        (
            ["--model", "random", "--model-settings", '{"stop_atr": "1e400"}', "--data", BTC],
            "'stop_atr' must be at most",
        ),
        (
            ["--model", "ema_macd", "--model-settings", '{"fresh": 1000}', "--data", BTC],
            "'fresh' must be from 1 to 200",
        ),
        (
            ["--model", "donchian_breakout", "--model-settings", '{"period": 500}', "--data", BTC, "--bars", "100"],
            "looks at 501 bars; there are only 300",
        ),
    ],
)
def test_what_cannot_be_played_is_told(words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*words)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="file: "):
        run("--model", "random", "--data", BTC, "--bars", "5", "--out", str(tmp_path / "file"))
