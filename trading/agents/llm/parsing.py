"""Reading what a language model said: strictly, each entry alone, and nothing repaired."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import msgspec

from trading.agents.llm.completion import Completion
from trading.agents.llm.schema import Entry, Reply, read_entry

MOST_TOLD = 300
MOST_KEPT = 2_000
MOST_STRAYS = 20
THINKS, THOUGHT = "<think>", "</think>"
"""What models that think aloud put around it, where the endpoint does not take it out: it is not the answer."""


class Unusable(ValueError):
    """The whole reply can't be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that can't be used: why, and what it was (JSON, cut)."""

    why: str
    given: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What a reply says of each symbol, and what of it belongs to none of them."""

    entries: Mapping[str, Entry | Refused]
    strays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Repeated:
    """An object that names a field twice: nobody knows which one counts."""

    name: str


def read_reply(completion: Completion, symbols: Collection[str]) -> Said:
    """Read a reply about these symbols. Raise `Unusable` where it is not one JSON object of decisions."""
    given = _decisions(completion)
    entries: dict[str, Entry | Refused] = {}
    strays: list[str] = []
    named = Counter(symbol for symbol in map(_symbol, given) if symbol is not None)
    left_out = 0
    for number, each in enumerate(given, start=1):
        symbol = _symbol(each)
        if symbol is None or symbol not in symbols:
            if len(strays) == MOST_STRAYS:
                left_out += 1
                continue
            strays.append(f"entry {number}: {_why_stray(each, symbol)}")
        elif named[symbol] > 1:
            if symbol not in entries:  # once: a long reply may repeat it thousands of times
                entries[symbol] = Refused(f"the reply decides {named[symbol]} times about {symbol}", _kept(given))
        else:
            entries[symbol] = _entry(each)
    if left_out:
        strays.append(f"and {left_out} more such entries")
    for symbol in symbols:
        entries.setdefault(symbol, Refused(_missing(symbol, strays)))
    return Said(entries, tuple(strays))


def _decisions(completion: Completion) -> list[Any]:
    if completion.refusal:
        raise Unusable(f"the model refuses to answer: {completion.refusal[:MOST_TOLD]}")
    content = completion.content
    if content is None or not content.strip():
        raise Unusable(f"the reply is empty{_finish(completion)}")
    answer = _without_thoughts(content)
    if not answer.strip():
        raise Unusable(f"the reply has thoughts but no answer{_finish(completion)}")
    try:
        given = json.loads(answer, object_pairs_hook=_object, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Unusable(f"the reply is not JSON and nothing else: {str(error)[:120]}{_finish(completion)}") from None
    if isinstance(given, _Repeated):
        raise Unusable(f"the reply names {given.name!r:.60} twice")
    try:
        return msgspec.convert(given, Reply, strict=True).decisions
    except (msgspec.ValidationError, ValueError) as error:  # half a surrogate pair is a ValueError
        raise Unusable(f"the reply is not an object of decisions: {str(error)[:MOST_TOLD]}") from None


def _without_thoughts(content: str) -> str:
    """Return the answer after a block of thoughts that the reply begins with; of one that does not end, all of it."""
    begun = content.lstrip()
    if not begun.startswith(THINKS) or THOUGHT not in begun:
        return content
    return begun.split(THOUGHT, 1)[1]


def _finish(completion: Completion) -> str:
    if completion.finish_reason == "length":
        return "; it was cut off at the most tokens that it may have"
    return f" (finish_reason {completion.finish_reason[:40]})" if completion.finish_reason else ""


def _object(pairs: list[tuple[str, Any]]) -> object:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        return _Repeated(next(name for name, count in counts.items() if count > 1))
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _symbol(given: object) -> str | None:
    symbol = given.get("symbol") if isinstance(given, dict) else None
    return symbol if isinstance(symbol, str) else None


def _why_stray(given: object, symbol: str | None) -> str:
    if symbol is not None:
        return f"{symbol!r:.60} was not asked about"
    if isinstance(given, _Repeated):
        return f"it names {given.name!r:.60} twice"
    if isinstance(given, dict):
        return "it names no symbol"
    return f"it is not an object but {_kept(given)[:60]}"


def _missing(symbol: str, strays: list[str]) -> str:
    why = f"the reply has no decision about {symbol}"
    return f"{why}; {'; '.join(strays)}"[:MOST_TOLD] if strays else why


def _entry(given: object) -> Entry | Refused:
    try:
        return read_entry(given)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        return Refused(str(error)[:MOST_TOLD], _kept(given))


def _kept(given: object) -> str:
    try:
        return json.dumps(given, default=str)[:MOST_KEPT]
    except (ValueError, RecursionError):
        return ""
