"""What variables of the environment may say."""

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from hyperoru.environment import classes, fraction, span


@pytest.mark.parametrize(("text", "found"), [("0", (0, 0)), ("40", (40, 40)), ("200-500", (200, 500))])
def test_a_span_is_one_number_or_two(monkeypatch: pytest.MonkeyPatch, text: str, found: tuple[int, int]) -> None:
    monkeypatch.setenv("HYPERORU_LATENCY_MS", text)
    assert span("HYPERORU_LATENCY_MS", "0", most=60_000) == found


@pytest.mark.parametrize("text", ["", "x", "-5", "500-200", "1-99999999", "1.5", "1-2-3"])
def test_another_span_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HYPERORU_LATENCY_MS", text)
    with pytest.raises(ImproperlyConfigured, match="HYPERORU_LATENCY_MS"):
        span("HYPERORU_LATENCY_MS", "0", most=60_000)


@pytest.mark.parametrize(("text", "found"), [("0", "0"), ("0.05", "0.05"), ("1e-3", "0.001")])
def test_a_fraction_is_a_part_of_a_whole(monkeypatch: pytest.MonkeyPatch, text: str, found: str) -> None:
    monkeypatch.setenv("HYPERORU_MARKET_SLIPPAGE", text)
    assert fraction("HYPERORU_MARKET_SLIPPAGE", "0.1") == Decimal(found)


@pytest.mark.parametrize("text", ["", "x", "-0.1", "1", "5", "NaN", "Infinity"])
def test_another_fraction_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HYPERORU_MARKET_SLIPPAGE", text)
    with pytest.raises(ImproperlyConfigured, match="HYPERORU_MARKET_SLIPPAGE"):
        fraction("HYPERORU_MARKET_SLIPPAGE", "0.1")


def test_classes_are_pairs_that_fall_to_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYPERORU_MARKET_NOTIONALS", "25:15000000, 1:0.5")
    assert classes("HYPERORU_MARKET_NOTIONALS", "1:1") == ((25, Decimal(15_000_000)), (1, Decimal("0.5")))


@pytest.mark.parametrize(
    "text", ["", "25", "25:1", "1:x", "1:1,25:2", "25:1,25:2,1:1", "1:0", "1:-5", "1:NaN", "1:2:3"]
)
def test_other_classes_are_refused_by_their_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HYPERORU_MARKET_NOTIONALS", text)
    with pytest.raises(ImproperlyConfigured, match="HYPERORU_MARKET_NOTIONALS"):
        classes("HYPERORU_MARKET_NOTIONALS", "1:1")
