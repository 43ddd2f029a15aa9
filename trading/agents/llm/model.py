"""A language model that trades an account."""

import hashlib
import json
from decimal import ROUND_UP, Decimal
from typing import Any

from trading.agents.asking import AccountView, Asked
from trading.agents.llm.deciding import Decisions
from trading.agents.llm.endpoints import EndpointError, endpoint
from trading.agents.llm.parsing import Unusable, read_reply
from trading.agents.llm.prompt import render
from trading.agents.llm.schema import json_schema
from trading.agents.llm.settings import LlmSettings
from trading.agents.llm.templates import messages
from trading.domain.enums import DecisionStatus, RunStatus
from trading.domain.money import MICRO, ZERO

MILLION = 1_000_000
OVERHEAD = 256
"""Tokens that an endpoint may add around the messages and the schema."""


class LanguageModel:
    """Ask a language model for one decision a symbol. Whatever goes wrong ends in decisions to hold that say why."""

    name = "llm"
    settings_type = LlmSettings

    def __init__(self, settings: LlmSettings) -> None:
        self.settings = settings
        self._formats: dict[tuple[str, str], str] = {}
        """The response format that an endpoint took, where it refused the one of the settings."""

    @property
    def symbols(self) -> tuple[str, ...]:
        return self.settings.symbols

    @property
    def bars_needed(self) -> int:
        return self.settings.bars

    def most_cost(self, view: AccountView) -> Decimal:
        """Return the most that asking can cost, USD: every try with the longest reply.

        A token is at least a byte long, so a prompt has no more tokens than bytes.
        """
        return self._most_of_a_try(self._prompt(view), self._schema(view)) * self.settings.tries

    def ask(self, view: AccountView) -> Asked:
        """Ask it. Never raises for what the endpoint does, and takes `total_s` at most."""
        from trading.agents.llm.client import call  # here: the library takes a second to load

        if not view.symbols:
            return Asked((), RunStatus.FAILED, "there is no market to decide about")
        prompt, schema = self._prompt(view), self._schema(view)
        told: dict[str, Any] = {
            "template": self.settings.template,
            "prompt": prompt,
            "prompt_hash": hashlib.sha256(prompt.encode()).hexdigest(),
        }
        try:
            where = endpoint(self.settings.endpoint)
        except EndpointError as error:
            return self._failed(view, Decisions(self.name, view, str), str(error), **told)
        decisions = Decisions(self.name, view, where.clean)
        began_with = self._formats.get((where.base_url, where.model), self.settings.structured)
        answer = call(where, self.settings, messages(prompt), schema, began_with)
        if answer.completion is not None:
            self._formats[where.base_url, where.model] = answer.format
        told |= {
            "endpoint": str(where),
            "llm": where.model,
            "raw_reply": answer.body,
            "attempts": answer.attempts,
            "latency_ms": answer.latency_ms,
            "cost": answer.lost * self._most_of_a_try(prompt, schema),
        }
        completion = answer.completion
        if completion is None:
            return self._failed(view, decisions, answer.error, **told)
        told |= {"prompt_tokens": completion.prompt_tokens, "completion_tokens": completion.completion_tokens}
        if completion.prompt_tokens is not None and completion.completion_tokens is not None:
            told["cost"] += self._price(completion.prompt_tokens, completion.completion_tokens)
        try:
            said = read_reply(completion, view.symbols.keys())
        except Unusable as error:
            why = where.clean(str(error))
            held = decisions.holding(DecisionStatus.INVALID, why)
            return Asked(held, RunStatus.FAILED, why, **told)
        made = decisions.of_reply(said)
        refused = [f"{each.symbol}: {each.outcome}" for each in made if each.status is DecisionStatus.INVALID]
        return Asked(made, RunStatus.DONE, "; ".join([*refused, *map(where.clean, said.strays)]), **told)

    def _failed(self, view: AccountView, decisions: Decisions, why: str, **told: Any) -> Asked:
        return Asked(decisions.holding(DecisionStatus.FAILED, why), RunStatus.FAILED, why, **told)

    def _prompt(self, view: AccountView) -> str:
        return render(view, self.settings.template)

    def _schema(self, view: AccountView) -> dict[str, Any]:
        return json_schema(view.symbols)

    def _most_of_a_try(self, prompt: str, schema: dict[str, Any]) -> Decimal:
        most = len(prompt.encode()) + len(json.dumps(schema).encode()) + OVERHEAD
        return self._price(most, self.settings.max_tokens)

    def _price(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """Return what tokens cost, USD, rounded up to 1e-6."""
        prices = prompt_tokens * self.settings.prompt_price + completion_tokens * self.settings.completion_price
        return (prices / MILLION).quantize(MICRO, ROUND_UP) if prices else ZERO
