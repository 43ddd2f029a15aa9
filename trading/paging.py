"""The newest rows of accounts, however long their histories are and however many the accounts: by indexes alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from django.db import models

from trading.rows.statements import array, execute, vendor

END = 2**60
"""More than any primary key."""

# An account, or an account and a value of one more column, is a lane: an index that begins with them has its rows in
# their order. Only the lanes with the newest rows can have any of a page: so one of ten thousand accounts' rows looks
# once into each lane, and then into no more lanes than it has rows.
_TEXT = """
    WITH account AS MATERIALIZED ({accounts}),
    newest AS MATERIALIZED ({newest}),
    lane AS MATERIALIZED (SELECT account, word FROM newest WHERE id IS NOT NULL ORDER BY id DESC LIMIT %s)
    SELECT id FROM ({found}) AS found ORDER BY id DESC LIMIT %s
"""
_NEWEST = "SELECT account.id AS account, {word} AS word, ({ids} LIMIT 1) AS id FROM account"
_ACCOUNTS = {
    "postgresql": "SELECT id FROM unnest(%s::bigint[]) AS given (id)",
    "sqlite": "SELECT value AS id FROM json_each(%s)",
}
_FOUND = {
    "postgresql": "SELECT e.id FROM lane CROSS JOIN LATERAL ({ids} LIMIT %s) AS e WHERE lane.word = {word}",
    "sqlite": "SELECT e.id FROM lane CROSS JOIN {table} e ON e.id IN ({ids} LIMIT %s) WHERE lane.word = {word}",
}
_IDS = "SELECT t.id FROM {table} t WHERE t.account_id = {account} {more} AND t.id < %s ORDER BY t.id DESC"


@dataclass(frozen=True, slots=True)
class Lane:
    """A column, and those of its values that are wanted, where an index begins with the account and that column."""

    column: str
    words: Sequence[str]


def newest(
    model: type[models.Model],
    account_ids: Sequence[int],
    before: int | None,
    limit: int,
    *,
    lane: Lane | None = None,
    where: str = "",
    given: Sequence[Any] = (),
) -> list[int]:
    """Return the ids of the newest rows of accounts, newest first, below an id (None: whatever they are).

    `where` is a further condition, SQL on the rows `t`, and `given` its parameters.
    """
    words = [] if lane is None else list(lane.words)
    kind = vendor()
    # A value is told by itself, for each planned anew: where one is rare, another way is best than where it is not.
    each = [[*([word] if lane else []), *given, END if before is None else before] for word in words or [""]]
    parameters: list[Any] = [array(account_ids) if kind == "postgresql" else json.dumps(list(account_ids))]
    parameters += chain.from_iterable(each)
    parameters.append(limit)
    parameters += chain.from_iterable([*some, limit] for some in each)
    parameters.append(limit)
    text = _text(kind, model, None if lane is None else lane.column, len(each), where)
    return [pk for (pk,) in execute(text, parameters, plan_once=False)]


@lru_cache
def _text(kind: str, model: type[models.Model], column: str | None, words: int, where: str) -> str:
    table = f'"{model._meta.db_table}"'
    more = (f"AND t.{column} = %s" if column else "") + (f" AND {where}" if where else "")
    once, again = (_IDS.format(table=table, account=account, more=more) for account in ("account.id", "lane.account"))
    return _TEXT.format(
        accounts=_ACCOUNTS[kind],
        newest=" UNION ALL ".join(_NEWEST.format(word=word, ids=once) for word in range(words)),
        found=" UNION ALL ".join(_FOUND[kind].format(word=word, ids=again, table=table) for word in range(words)),
    )
