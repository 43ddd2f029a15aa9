"""Reading rows by conditions that are always the same text."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from django.db import models

from trading.rows.columns import fields_of, reader
from trading.rows.statements import Rows, array, execute, vendor

DIALECTS = {
    "postgresql": {
        "lock": " FOR UPDATE",
        "numbers": "= ANY(%s::bigint[])",
        "texts": "= ANY(%s::text[])",
        "pairs": "IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
    },
    "sqlite": {
        "lock": "",
        "numbers": "IN (SELECT value FROM json_each(%s))",
        "texts": "IN (SELECT value FROM json_each(%s))",
        "pairs": "IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(%s))",
    },
}
"""What the databases say differently: that a column is one of those given, and that rows are to be locked."""


class Query:
    """A query whose text is constant.

    `text` is SQL with `%s` for each single parameter and, for those that are collections, ``{numbers}``, ``{texts}``
    or ``{pairs}`` (each a number and a text) after the columns that are to be one of them.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._texts: dict[str, str] = {}

    def __call__(self, *parameters: Any) -> Rows:
        """Return the rows as the driver gives them. Raises Django's database errors."""
        kind = vendor()
        text = self._texts.get(kind) or self._texts.setdefault(kind, self._text.format(**DIALECTS[kind]))
        return execute(text, [each for parameter in parameters for each in _given(parameter, kind)])


class Select(Query):
    """A query for attributes of a model; `where` is a condition as of a `Query`.

    `lock`: until the transaction ends, in the order of the primary keys.
    """

    def __init__(self, model: type[models.Model], *names: str, where: str, lock: bool = False) -> None:
        self._fields = fields_of(model, names)
        columns = ", ".join(f'"{field.column}"' for field in self._fields)
        text = f'SELECT {columns} FROM "{model._meta.db_table}" WHERE {where}'  # noqa: S608
        super().__init__(f'{text} ORDER BY "{model._meta.pk.column}"{{lock}}' if lock else text)

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


def _given(parameter: Any, vendor: str) -> Iterable[Any]:
    """Return a parameter as the drivers take it."""
    if isinstance(parameter, str) or not isinstance(parameter, Collection):
        return (parameter,)
    if vendor == "sqlite":
        return (json.dumps(list(parameter)),)
    if parameter and isinstance(next(iter(parameter)), tuple):
        return map(array, zip(*parameter, strict=True))
    return (array(parameter),)
