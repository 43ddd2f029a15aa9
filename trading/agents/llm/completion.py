"""What an endpoint answers: a chat completion."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

Tokens = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class NoCompletion(ValueError):
    """The answer is not a chat completion."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said, and what it took. Tokens are None where the endpoint does not tell them."""

    content: str | None
    refusal: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: Tokens
    completion_tokens: Tokens


class _Body(msgspec.Struct):
    choices: list[_Choice]
    usage: Any = None


def read_completion(body: bytes, content_type: str) -> Completion:
    """Read a chat completion with one choice, of a content type without parameters.

    Raise `NoCompletion` for anything else.
    """
    media = content_type.lower()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise NoCompletion(f"the endpoint answered {media[:60] or 'no content type'}, not JSON")
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoCompletion(f"the endpoint's answer is not a chat completion: {str(error)[:200]}") from None
    if len(found.choices) != 1:
        raise NoCompletion(f"the endpoint's answer has {len(found.choices)} choices, not one")
    try:
        usage = msgspec.convert(found.usage, _Usage)
        told: tuple[int | None, int | None] = (usage.prompt_tokens, usage.completion_tokens)
    except msgspec.ValidationError:
        told = (None, None)
    [choice] = found.choices
    return Completion(choice.message.content, choice.message.refusal, choice.finish_reason, *told)
