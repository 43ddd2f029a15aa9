"""Reading rows by conditions that are always the same text."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from django.db import models

from trading.rows.columns import fields_of, reader
from trading.rows.statements import Rows, array, execute, vendor

DIALECTS = {
    "postgresql": {
        "numbers": "= ANY(%s::bigint[])",
        "texts": "= ANY(%s::text[])",
        "pairs": "unnest(%s::bigint[], %s::text[]) AS given (number, word) JOIN",
        "number": "given.number",
        "word": "given.word",
        "lock": " FOR UPDATE OF found",
    },
    "sqlite": {
        "numbers": "IN (SELECT value FROM json_each(%s))",
        "texts": "IN (SELECT value FROM json_each(%s))",
        # A join, and in this order: of `IN (SELECT number, word …)` it takes an index for the number alone.
        "pairs": "json_each(%s) AS given CROSS JOIN",
        "number": "json_extract(given.value, '$[0]')",
        "word": "json_extract(given.value, '$[1]')",
        "lock": "",
    },
}
"""What the databases say differently."""


class Query:
    """A query whose text is constant.

    `text` is SQL with `%s` for each single parameter and, for those that are collections, ``{numbers}`` or ``{texts}``
    after the columns that are to be one of them. `plan_once` False: how it is best found depends so much on the
    parameters that PostgreSQL is to plan it each time.
    """

    def __init__(self, text: str, *, plan_once: bool = True) -> None:
        self._text, self._plan_once = text, plan_once
        self._has_pairs = False
        self._texts: dict[str, str] = {}

    def __call__(self, *parameters: Any) -> Rows:
        """Return the rows as the driver gives them. Raises Django's database errors."""
        kind = vendor()
        text = self._texts.get(kind) or self._texts.setdefault(kind, self._text.format(**DIALECTS[kind]))
        given: list[Any] = []
        for number, parameter in enumerate(parameters, 1):
            given += _given(parameter, kind, pairs=self._has_pairs and number == len(parameters))
        return execute(text, given, plan_once=self._plan_once)


class Select(Query):
    """A query for attributes of a model.

    `where` is a condition as of a `Query`. `pairs` names two attributes, a number's and a text's: the last parameter is
    a collection of such, and the rows are those that have one of them, after those that `where` finds, if it is given.
    A row that both find is there twice. `lock`: until the transaction ends, by primary key.
    """

    def __init__(
        self,
        model: type[models.Model],
        *names: str,
        where: str = "",
        pairs: tuple[str, str] | None = None,
        lock: bool = False,
    ) -> None:
        self._fields = fields_of(model, names)
        columns = ", ".join(f'found."{field.column}"' for field in self._fields)
        table = f'"{model._meta.db_table}" AS found'
        texts = [f"SELECT {columns} FROM {table} WHERE {where}"] if where else []  # noqa: S608
        if pairs is not None:
            number, word = (f'found."{field.column}"' for field in fields_of(model, pairs))
            on = f"{number} = {{number}} AND {word} = {{word}}"
            texts.append(f"SELECT {columns} FROM {{pairs}} {table} ON {on}")  # noqa: S608
        text = " UNION ALL ".join(texts)
        super().__init__(f'{text} ORDER BY found."{model._meta.pk.column}"{{lock}}' if lock else text)
        self._has_pairs = pairs is not None

    def __call__(self, *parameters: Any) -> Rows:
        """Return the rows, each a tuple of the attributes' values. Raises Django's database errors."""
        rows = super().__call__(*parameters)
        if not rows:
            return rows
        columns, kind = list(zip(*rows, strict=True)), vendor()
        for place, field in enumerate(self._fields):
            read = reader(field, kind)
            if read is not None:
                columns[place] = tuple(map(read, columns[place]))
        return list(zip(*columns, strict=True))


def _given(parameter: Any, vendor: str, *, pairs: bool) -> Iterable[Any]:
    """Return a parameter as the drivers take it."""
    if isinstance(parameter, str) or not isinstance(parameter, Collection):
        return (parameter,)
    if vendor == "sqlite":
        return (json.dumps(list(parameter)),)
    if pairs:
        return array(number for number, _ in parameter), array(word for _, word in parameter)
    return (array(parameter),)
