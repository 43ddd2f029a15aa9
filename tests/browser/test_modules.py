"""The rules of the page's modules, asked of the modules themselves."""

from typing import Any

import pytest

from tests.browser.conftest import Screen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

STORE = """async (steps) => {
    const { AccountStore } = await import("/static/js/state/account.js");
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
        page: ({ ids, next = null }) => [ids.map((trade_id) => ({ account_id: 1, trade_id, price: 100 })), next],
        trade: ({ seq, trade_id, price = 100 }) => ({
            type: "trade_update", channel: "trades", ...place(seq), data: { account_id: 1, trade_id, price },
        }),
        equity: ({ seq, equity, at: moment = seq }) => ({
            type: "asset_curve_update", channel: "asset_curve", ...place(seq),
            data: { account_id: 1, timestamp: at(moment), equity, daily_pnl: 0, daily_return_pct: 0 },
        }),
    };
    const store = new AccountStore();
    const told = [];
    store.choose(1);
    for (const [kind, values] of steps) {
        if (kind === "load") {
            const before = place(values.before ?? values.seq);
            const places = { trades: before, model_chat: before, orders: before };
            told.push(store.load(make.snapshot(values), { timeframe: "24h", points: [] }, places));
        } else if (kind === "begin") store.state.lists.trades.begin();
        else if (kind === "page") store.state.lists.trades.fill(...make.page(values));
        else if (kind === "refresh") store.refresh(make.snapshot(values));
        else told.push(store.apply(make[kind](values)));
    }
    const { positions, summary, curve, streams, lists } = store.state;
    return {
        told, streams, equity: summary.equity, curve: curve.map((point) => point.equity),
        trades: lists.trades.rows.map(({ trade_id, price }) => [trade_id, price]),
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
    page: Step = ("page", {"ids": []})

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
    found = reduced(screen, load, page, newer, ("trade", {"seq": 6, "trade_id": 1}))
    assert found["trades"] == [[1, 100]]

    # A corrected trade takes its own place; the newest stands first.
    trades: list[Step] = [("trade", {"seq": 6 + number, "trade_id": number}) for number in (1, 2)]
    found = reduced(screen, load, page, *trades, ("trade", {"seq": 9, "trade_id": 1, "price": 90}))
    assert found["trades"] == [[2, 100], [1, 90]]

    # Points of equity go where they belong in time, and an old one is not the equity of now.
    late: Step = ("equity", {"seq": 8, "equity": 10_010, "at": 6})
    found = reduced(screen, load, ("equity", {"seq": 7, "equity": 10_020}), late)
    assert found["curve"] == [10_010, 10_020]
    assert found["equity"] == 10_020

    # New lists go on from before their first page, known ones from where they are, the rest from the snapshot.
    [places] = reduced(screen, ("load", {"seq": 500, "size": 0, "before": 490}))["told"]
    assert [places[channel]["seq"] for channel in ("trades", "model_chat", "positions")] == [490, 490, 500]
    found = reduced(screen, load, page, ("trade", {"seq": 6, "trade_id": 1}), ("load", {"seq": 9, "size": 1}))
    assert found["told"][-1]["trades"]["seq"] == 6


def test_pages_and_events_make_one_list(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")
    load: Step = ("load", {"seq": 5, "size": 1})
    first: Step = ("page", {"ids": [9, 8, 7], "next": "7"})
    begin: Step = ("begin", {})

    # What is in a page and told by an event stands once, newest first.
    found = reduced(
        screen, load, first, ("trade", {"seq": 6, "trade_id": 9, "price": 90}), ("trade", {"seq": 7, "trade_id": 10})
    )
    assert found["trades"] == [[10, 100], [9, 90], [8, 100], [7, 100]]

    # A correction of what no page has brought yet waits for its page: it is in it, or came while that was read.
    old: Step = ("trade", {"seq": 6, "trade_id": 3, "price": 90})
    assert [key for key, _ in reduced(screen, load, first, old)["trades"]] == [9, 8, 7]
    rest: Step = ("page", {"ids": [6, 3]})
    assert reduced(screen, load, first, begin, old, rest)["trades"][-2:] == [[6, 100], [3, 90]]

    # A trade that came before the first page was there is in it once.
    found = reduced(screen, load, begin, ("trade", {"seq": 6, "trade_id": 10}), ("page", {"ids": [10, 9]}))
    assert [key for key, _ in found["trades"]] == [10, 9]


def test_candles_follow_the_marks(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")

    found = screen.page.evaluate(
        """async () => {
            const { Candles } = await import("/static/js/state/candles.js");
            const at = (second) => new Date(1_800_000_000_000 + second * 1000).toISOString();
            const candles = new Candles("BTC", "1m");
            const one = (second, close) => ({ timestamp: at(second), open: 100, high: 101, low: 99, close, volume: 1 });
            candles.fill([one(0, 100), one(60, 100)]);
            const ticks = [[70, 103], [50, 1], [119, 98], [121, 97], [125, 99]];
            for (const [second, mark_price] of ticks) candles.tick({ mark_price, timestamp: at(second) });
            const told = [candles.due, candles.missing];
            candles.fill([one(60, 98), one(120, 99)]);
            candles.fill([one(-60, 50)], { older: true });
            candles.fill([], { older: true });
            const values = ({ open, high, low, close }) => [open, high, low, close];
            return { told, due: candles.due, complete: candles.complete, rows: candles.rows.map(values) };
        }"""
    )

    assert found == {
        "told": [True, 3],
        "due": False,
        "complete": True,
        "rows": [[100, 101, 99, 50], [100, 101, 99, 100], [100, 101, 99, 98], [100, 101, 99, 99]],
    }


def test_files_are_csv(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")

    found = screen.page.evaluate(
        """async () => {
            const { csvOf, decimal, fileName } = await import("/static/js/csv.js");
            const columns = [{ title: "a", value: (row) => row[0] }, { title: "b, c", value: (row) => row[1] }];
            return {
                text: csvOf(columns, [[1.5, 'say "hi"'], [null, "=1+1"], [-2, "two\\nlines"]]),
                decimals: [1e-7, -1.25e-8, 1.5e21, 0.000001, 12].map(decimal),
                name: fileName("Main: Account/1", "trades", new Date("2026-11-24T01:00:00Z")),
            };
        }"""
    )

    assert found == {
        "text": 'a,"b, c"\r\n1.5,"say ""hi"""\r\n,\'=1+1\r\n-2,"two\nlines"\r\n',
        "decimals": ["0.0000001", "-0.0000000125", "1500000000000000000000", "0.000001", "12"],
        "name": "hyperoru-main-account-1-trades-2026-11-24.csv",
    }


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
