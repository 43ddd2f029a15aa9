"""The rules of the arena's modules, asked of the modules themselves."""

from typing import Any

import pytest

from tests.browser.conftest import Screen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

ARENA = """async (steps) => {
    const { ArenaStore } = await import("/static/js/state/arena.js");
    const at = (second) => new Date(1_800_000_000_000 + second * 1000).toISOString();
    const store = new ArenaStore();
    const told = [];
    const trade = ([id, second]) => ({ trade_id: id, account_id: 1, timestamp: at(second) });
    const make = {
        follow: ([account, seq, recovered]) => told.push(store.follow(account, { trades: { epoch: "e", seq, recovered } })),
        trade: ([seq, id, second, account = 1]) => store.apply({
            type: "trade_update", channel: "trades", epoch: "e", seq, data: { ...trade([id, second]), account_id: account },
        }),
        fill: (trades) => store.fill(trades.map(trade), []),
        load: (points) => store.load("1h", new Map([[1, points.map(([second, equity]) => ({ timestamp: at(second), equity }))]])),
        point: ([seq, second, equity]) => store.apply({
            type: "asset_curve_update", channel: "asset_curve", epoch: "e", seq,
            data: { account_id: 1, timestamp: at(second), equity },
        }),
    };
    make.compare = (standings) => store.compare(standings);
    for (const [kind, values] of steps) make[kind](values);
    return {
        told,
        trades: store.state.trades.map(({ trade_id }) => trade_id),
        curve: (store.state.curves.get(1) ?? []).map(({ equity }) => equity),
        standings: store.state.standings?.map(({ equity, return_pct }) => [equity, return_pct]) ?? null,
        places: Object.fromEntries([...store.state.streams].map(([id, places]) => [id, places.trades?.seq])),
    };
}"""  # noqa: E501


def reduced(screen: Screen, *steps: Any) -> Any:
    return screen.page.evaluate(ARENA, [list(step) for step in steps])


def test_events_and_lists_read_meanwhile_make_one_feed(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")
    follow = ("follow", [1, 5, None])

    # An event that came before the list was read is in it once; the newest stands first.
    found = reduced(screen, follow, ("trade", [6, 12, 2]), ("fill", [[12, 2], [11, 1]]), ("trade", [7, 13, 3]))
    assert found["trades"] == [13, 12, 11]

    # An event that is known already changes nothing, nor does one of an account that is not followed.
    assert reduced(screen, follow, ("trade", [5, 9, 1]))["trades"] == []
    assert reduced(screen, follow, ("trade", [6, 9, 1, 2]))["trades"] == []

    # A resumed stream goes on from what was seen; one that could not be resumed starts anew, and that is told.
    again = reduced(screen, follow, ("trade", [6, 12, 2]), ("follow", [1, 9, True]), ("trade", [7, 13, 3]))
    assert (again["told"], again["places"]) == ([False, False], {"1": 7})
    lost = reduced(screen, follow, ("follow", [1, 9, False]), ("trade", [7, 12, 2]))
    assert (lost["told"], lost["trades"], lost["places"]) == ([False, True], [], {"1": 9})


def test_points_go_where_they_belong_and_old_ones_fall_off(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")
    follow = ("follow", [1, 0, None])

    found = reduced(screen, follow, ("load", [[0, 10], [20, 12]]), ("point", [1, 30, 13]), ("point", [2, 10, 11]))
    assert found["curve"] == [10, 11, 12, 13]
    assert reduced(screen, follow, ("load", [[0, 10], [20, 12]]), ("point", [1, 3_610, 14]))["curve"] == [12, 14]


def test_a_curve_that_grows_long_keeps_its_ends(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")

    steps = [("load", [[0, 10]]), ("follow", [1, 0, None]), *(("point", [n, n, 10 + n]) for n in range(1, 1_002))]
    curve = reduced(screen, *steps)["curve"]

    assert (curve[0], curve[-1]) == (10, 1_011)
    assert len(curve) < 1_000


def test_what_an_account_is_worth_now_and_its_return_go_together(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")
    follow, load = ("follow", [1, 0, None]), ("load", [[0, 10_000]])
    standing = {"account_id": 1, "equity": 11_000, "return_pct": 10}

    found = reduced(screen, follow, load, ("compare", [standing]), ("point", [1, 30, 10_500]))
    assert found["standings"] == [[10_500, pytest.approx(5)]]
    found = reduced(screen, follow, load, ("compare", [{**standing, "return_pct": None}]), ("point", [1, 30, 1]))
    assert found["standings"] == [[1, None]]


def test_addresses_name_views(screen: Screen) -> None:
    screen.page.goto(f"{screen.cable.url}/login/")
    found = screen.page.evaluate(
        """async () => {
            const { addressOf, routeOf } = await import("/static/js/router.js");
            const paths = ["/", "/accounts/7/", "/accounts/7", "/accounts/0/", "/accounts/x/", "/elsewhere/"];
            return paths.map((path) => [routeOf(path).accountId, addressOf(routeOf(path))]);
        }"""
    )
    assert found == [
        [None, "/"],
        [7, "/accounts/7/"],
        [7, "/accounts/7/"],
        [None, "/"],
        [None, "/"],
        [None, "/"],
    ]
