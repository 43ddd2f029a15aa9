"""Language models that decide, behind any endpoint that speaks OpenAI's chat completions."""

from trading.agents.llm.model import LanguageModel
from trading.agents.llm.settings import LlmSettings

__all__ = ["LanguageModel", "LlmSettings"]
