"""The rules of the page's modules, asked of the modules themselves."""

from typing import Any

import pytest

from tests.browser.conftest import Screen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

STORE = """async (steps) => {
    const { Store } = await import("/static/js/store.js");
    const place = (seq) => ({ epoch: "e", seq });
    const channels = ["trades", "positions", "orders", "model_chat", "asset_curve"];
    const at = (seq) => new Date(1_800_000_000_000 + seq * 1000).toISOString();
    const position = (size, mark = 100) => ({
        account_id: 1, symbol: "BTC", side: "long", size, entry_price: 100, mark_price: mark, unrealized_pnl: 0,
        leverage: 5, timestamp: at(0),
    });
    const make = {
        snapshot: ({ seq, size, equity = 10000 }) => ({
            account_id: 1, equity, daily_pnl: 0, daily_return_pct: 0, margin_used: 0, withdrawable: equity,
            positions: size ? [{ ...position(size), liquidation_price: 80 }] : [], active_orders: [],
            as_of: Object.fromEntries(channels.map((channel) => [channel, place(seq)])), timestamp: at(seq),
        }),
        position: ({ seq, size, mark, account_id = 1 }) => ({
            type: "position_update", ...(seq === undefined ? {} : { channel: "positions", ...place(seq) }),
            data: { ...position(size, mark), account_id },
        }),
        trade: ({ seq, trade_id, price = 100 }) => ({
            type: "trade_update", channel: "trades", ...place(seq), data: { account_id: 1, trade_id, price },
        }),
        equity: ({ seq, equity, at: moment = seq }) => ({
            type: "asset_curve_update", channel: "asset_curve", ...place(seq),
            data: { account_id: 1, timestamp: at(moment), equity, daily_pnl: 0, daily_return_pct: 0 },
        }),
    };
    const store = new Store();
    const told = [];
    store.choose(1);
    for (const [kind, values] of steps) {
        if (kind === "load") told.push(store.load(make.snapshot(values), []));
        else if (kind === "refresh") store.refresh(make.snapshot(values));
        else told.push(store.apply(make[kind](values)));
    }
    const { positions, trades, summary, curve, streams } = store.state;
    return {
        told, streams, equity: summary.equity, curve: curve.map((point) => point.equity),
        trades: trades.map(({ trade_id, price }) => [trade_id, price]),
        positions: [...positions.values()].map((held) => [held.size, held.mark_price, held.liquidation_price]),
    };
}"""
Step = tuple[str, dict[str, Any]]


def reduced(screen: Screen, *steps: Step) -> dict[str, Any]:
    found: dict[str, Any] = screen.page.evaluate(STORE, [[kind, values] for kind, values in steps])
    return found


def test_state_and_events_make_state(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")
    load: Step = ("load", {"seq": 5, "size": 1})

    # An event that the state holds already changes nothing; the next one does.
    found = reduced(screen, load, ("position", {"seq": 5, "size": 9}), ("position", {"seq": 6, "size": 2}))
    assert found["positions"] == [[2, 100, 80]]
    assert found["told"][1:] == [False, True]

    # Size 0 closes; another account's event is not taken.
    assert reduced(screen, load, ("position", {"seq": 6, "size": 0}))["positions"] == []
    other: Step = ("position", {"seq": 6, "size": 7, "account_id": 2})
    assert reduced(screen, load, other)["positions"] == [[1, 100, 80]]

    # A mark moves the position that it is of, and makes none.
    assert reduced(screen, load, ("position", {"size": 1, "mark": 110}))["positions"] == [[1, 110, 80]]
    assert reduced(screen, load, ("position", {"size": 3, "mark": 110}))["positions"] == [[1, 100, 80]]
    assert reduced(screen, ("load", {"seq": 5, "size": 0}), ("position", {"size": 1}))["positions"] == []

    # A snapshot that is older than the events undoes nothing; one that is newer makes their late copies void.
    event: Step = ("position", {"seq": 6, "size": 2})
    assert reduced(screen, load, event, ("refresh", {"seq": 5, "size": 1}))["positions"][0][0] == 2
    newer: Step = ("refresh", {"seq": 7, "size": 3})
    assert reduced(screen, load, newer, event)["positions"][0][0] == 3

    # It never swallows what only events bring.
    found = reduced(screen, load, newer, ("trade", {"seq": 6, "trade_id": 1}))
    assert found["trades"] == [[1, 100]]

    # A corrected trade takes its own place; the newest stands first.
    trades: list[Step] = [("trade", {"seq": 6 + number, "trade_id": number}) for number in (1, 2)]
    found = reduced(screen, load, *trades, ("trade", {"seq": 9, "trade_id": 1, "price": 90}))
    assert found["trades"] == [[2, 100], [1, 90]]

    # Points of equity go where they belong in time, and an old one is not the equity of now.
    late: Step = ("equity", {"seq": 8, "equity": 10_010, "at": 6})
    found = reduced(screen, load, ("equity", {"seq": 7, "equity": 10_020}), late)
    assert found["curve"] == [10_010, 10_020]
    assert found["equity"] == 10_020

    # Lists begin a little back in the log when they are new, and go on from where they are when not.
    [places] = reduced(screen, ("load", {"seq": 500, "size": 0}))["told"]
    assert [places[channel]["seq"] for channel in ("trades", "model_chat", "positions")] == [400, 200, 500]
    found = reduced(screen, load, ("trade", {"seq": 6, "trade_id": 1}), ("load", {"seq": 9, "size": 1}))
    assert found["told"][-1]["trades"]["seq"] == 6


def test_close_codes_delays_and_figures(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")

    found = screen.page.evaluate(
        """async () => {
            const { delayBefore, mayReconnect } = await import("/static/js/socket.js");
            const format = await import("/static/js/format.js");
            return {
                back: [1001, 1006, 4001, 4005, 4008, 4013, 4499, 4500, 4502, 4507, 4999].filter(mayReconnect),
                delays: [0, 1, 2, 10].map((attempt) => [delayBefore(attempt, () => 0), delayBefore(attempt, () => 1)]),
                money: [1234.5, -0.004, -87.464, null].map(format.money),
                signed: [12.3, 0, -0.001, -87.46].map(format.signedMoney),
                prices: [68500, 372.34, 0.09312345].map(format.price),
                tones: [1, 0.001, -1, null].map(format.tone),
                utc: format.utc("2026-04-09T12:00:00.123456Z"),
            };
        }"""
    )

    assert found == {
        "back": [1001, 1006, 4001, 4005, 4008, 4013, 4499],
        "delays": [[250, 500], [500, 1000], [1000, 2000], [7500, 15000]],
        "money": ["1,234.50", "0.00", "−87.46", "–"],
        "signed": ["+12.30", "0.00", "0.00", "−87.46"],
        "prices": ["68,500.00", "372.34", "0.09312345"],
        "tones": ["up", "", "down", ""],
        "utc": "2026-04-09 12:00:00 UTC",
    }
