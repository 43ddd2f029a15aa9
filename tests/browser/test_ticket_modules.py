"""The ticket's own arithmetic, and when it asks once more, asked of the modules themselves."""

from typing import Any

import pytest

from tests.browser.conftest import Screen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]

CALL = """async ([module, name, given]) => {
    const found = await import(`/static/js/views/ticket/${module}.js`);
    const value = (each) => (typeof each === "string" && each.endsWith("n") ? BigInt(each.slice(0, -1)) : each);
    const answer = found[name](...given.map(value));
    return typeof answer === "bigint" ? `${answer}n` : answer;
}"""
BTC = {"price_decimals": 1, "significant_figures": 5}
CASES: list[tuple[str, list[Any], Any]] = [
    ("withPoint", ["0,5"], "0.5"),
    ("withPoint", ["68,500.25"], "68500.25"),
    ("withPoint", ["68.500,25"], "68500.25"),
    ("withPoint", ["1,234,567"], "1234567"),
    ("withPoint", [" 1 000 "], "1000"),
    ("units", ["0.1"], "100000000000n"),
    ("units", ["."], None),
    ("units", ["-1"], None),
    ("units", ["word"], None),
    ("units", [1e-7], "100000n"),
    ("share", [0.29, 100, 2], "0.29"),
    ("share", [0.29, 25, 5], "0.0725"),
    ("share", [0.00003, 50, 5], "0.00001"),
    ("share", [1.45985, 33, 5], "0.48175"),
    ("sizeFor", ["685", 68500, 5], "0.01"),
    ("sizeFor", ["100", 3, 4], "33.3333"),
    ("sizeFor", ["100", None, 4], None),
    ("away", ["60000", "10", BTC], "66000"),
    ("away", ["60000", "-5", BTC], "57000"),
    ("away", ["68500.5", "0.1", BTC], "68569"),
    ("away", ["60000", "-100", BTC], None),
    ("distance", ["57000", "60000"], "-5"),
    ("distance", ["66000", 60000], "10"),
    ("distance", ["", 60000], None),
    ("stepped", ["0.01", -1, 5], "0.00999"),
    ("stepped", ["0.00001", -3, 5], "0"),
    ("stepped", ["", 1, 0, "68500000000000000n"], "68501"),
    ("priceDecimals", ["68500000000000000n", BTC], 0),
    ("priceDecimals", ["3500000000000000n", {"price_decimals": 2, "significant_figures": 5}], 1),
    ("priceDecimals", ["500000000000n", {"price_decimals": 6, "significant_figures": 5}], 5),
]


@pytest.fixture
def call(screen: Screen) -> Any:
    screen.page.goto(f"{screen.cable.url}/login/")
    return lambda module, name, *given: screen.page.evaluate(CALL, [module, name, list(given)])


def test_decimals_are_exact(call: Any) -> None:
    assert [(name, given, call("decimals", name, *given)) for name, given, _ in CASES] == CASES


def test_what_is_large_has_its_reasons(screen: Screen) -> None:
    screen.open()
    ask = """async ([preview, equity]) =>
        (await import("/static/js/views/ticket/confirm.js")).reasonsToAsk(preview, equity).length"""
    small = {"notional": 2500, "liquidation_price": None, "mark_price": 100, "slippage_pct": 1}

    def reasons(equity: float = 10_000, **values: Any) -> Any:
        return screen.page.evaluate(ask, [small | values, equity])

    assert reasons() == 0
    assert reasons(notional=2500.01) == 1
    assert reasons(equity=0) == 1
    assert reasons(liquidation_price=95) == 0
    assert reasons(liquidation_price=95.01) == 1
    assert reasons(liquidation_price=104.9) == 1
    assert reasons(slippage_pct=1.01) == 1
    assert reasons(notional=9000, liquidation_price=99, slippage_pct=2) == 3
