"""Models that decide: pure, one symbol and one closed bar at a time."""

from trading.agents.askers import known_askers, make_asker
from trading.agents.base import Agent, AgentView, Verdict, to_command
from trading.agents.registry import known_agents, make_agent
from trading.agents.settings import SettingsError

__all__ = [
    "Agent",
    "AgentView",
    "SettingsError",
    "Verdict",
    "known_agents",
    "known_askers",
    "make_agent",
    "make_asker",
    "to_command",
]
