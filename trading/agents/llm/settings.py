"""The settings of `LanguageModel`. No key among them: those are in the environment."""

import re
from dataclasses import dataclass
from decimal import Decimal

from trading.agents.llm.templates import versions
from trading.agents.settings import SettingsError

NOT_GIVEN = Decimal(-1)
FORMATS = ("json_schema", "json_object", "none")
TOKEN_FIELDS = ("max_tokens", "max_completion_tokens")
ENDPOINT = re.compile(r"[a-z][a-z0-9_]{0,29}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """`endpoint` names the variables of the environment that say where it is (`trading.agents.llm.endpoints`).

    `prompt_price` and `completion_price` are USD per million tokens and must be given, 0 for a model that costs
    nothing. `max_tokens` bounds the reply, by the request's field `max_tokens_field`. Seconds: `connect_s` to connect,
    `read_s` of silence, `total_s` for all tries together; `backoff_s` before the second try, twice as long before each
    further one. `structured` is the response format that is tried first.
    """

    symbols: tuple[str, ...] = ("BTC",)
    endpoint: str = "default"
    template: str = "v1"
    bars: int = 60
    max_tokens: int = 4_000
    max_tokens_field: str = "max_tokens"
    structured: str = "json_schema"
    prompt_price: Decimal = NOT_GIVEN
    completion_price: Decimal = NOT_GIVEN
    connect_s: Decimal = Decimal(5)
    read_s: Decimal = Decimal(60)
    total_s: Decimal = Decimal(100)
    tries: int = 3
    backoff_s: Decimal = Decimal(1)
    max_reply_bytes: int = 262_144

    def __post_init__(self) -> None:
        """Raise `SettingsError` for values that make no sense."""
        if not self.symbols or len(set(self.symbols)) < len(self.symbols):
            raise SettingsError("The setting 'symbols' must name at least one symbol, and none twice.")
        if not ENDPOINT.fullmatch(self.endpoint):  # not repeated: somebody may have put a key here
            raise SettingsError("The setting 'endpoint' must be a name of lower case letters, digits and _.")
        for name, words in (
            ("template", versions()),
            ("max_tokens_field", TOKEN_FIELDS),
            ("structured", FORMATS),
        ):
            if getattr(self, name) not in words:
                raise SettingsError(f"The setting {name!r} must be one of {', '.join(words)}.")
        for name, least, most in (
            ("bars", 1, 500),
            ("max_tokens", 16, 200_000),
            ("tries", 1, 5),
            ("max_reply_bytes", 1_024, 4_194_304),
        ):
            if not least <= getattr(self, name) <= most:
                raise SettingsError(f"The setting {name!r} must be from {least} to {most}.")
        for name in ("connect_s", "read_s", "total_s", "backoff_s"):
            if not 0 < getattr(self, name) <= 900:
                raise SettingsError(f"The setting {name!r} must be greater than 0 and at most 900.")
        for name in ("prompt_price", "completion_price"):
            if not 0 <= getattr(self, name) <= 100_000:
                raise SettingsError(
                    f"The setting {name!r} must be given: USD per million tokens, from 0 (it costs nothing) to 100000."
                )
