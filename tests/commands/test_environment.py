"""What variables of the environment may say."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from hyperoru.environment import span


@pytest.mark.parametrize(("text", "found"), [("0", (0, 0)), ("40", (40, 40)), ("200-500", (200, 500))])
def test_a_span_is_one_number_or_two(monkeypatch: pytest.MonkeyPatch, text: str, found: tuple[int, int]) -> None:
    monkeypatch.setenv("HYPERORU_LATENCY_MS", text)
    assert span("HYPERORU_LATENCY_MS", "0", most=60_000) == found


@pytest.mark.parametrize("text", ["", "x", "-5", "500-200", "1-99999999", "1.5", "1-2-3"])
def test_another_span_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HYPERORU_LATENCY_MS", text)
    with pytest.raises(ImproperlyConfigured, match="HYPERORU_LATENCY_MS"):
        span("HYPERORU_LATENCY_MS", "0", most=60_000)
