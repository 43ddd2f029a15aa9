"""The models that the server knows, by name."""

from collections.abc import Mapping
from typing import Any

from trading.agents.base import Agent
from trading.agents.baselines import BuyAndHold, RandomWalker
from trading.agents.donchian import DonchianBreakout
from trading.agents.ema_macd import EmaMacd
from trading.agents.rsi import RsiSupportResistance
from trading.agents.rule import Watcher
from trading.agents.settings import SettingsError, read_settings

RULES: tuple[type[Watcher[Any]], ...] = (RsiSupportResistance, EmaMacd, DonchianBreakout, BuyAndHold, RandomWalker)
AGENTS = {kind.name: kind for kind in RULES}


def known_agents() -> tuple[str, ...]:
    """Return the names that `make_agent` takes, sorted."""
    return tuple(sorted(AGENTS))


def make_agent(name: str, settings: Mapping[str, Any]) -> Agent:
    """Make a model from its settings, as they stand in JSON. Raise `SettingsError` for what can't be used."""
    try:
        kind = AGENTS[name]
    except KeyError:
        raise SettingsError(f"There is no model {name!r:.60}; choose one of {', '.join(known_agents())}.") from None
    return kind(read_settings(kind.settings_type, settings))
