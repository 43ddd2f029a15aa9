"""Many rows in one statement, without compiling it anew nor making an object of each.

`bulk_create` and query sets spend most of their time in building what is the same for every batch; with these an order
costs less than half. Every statement is a constant text: rows go as arrays on PostgreSQL, as one list of values on
SQLite; what is looked for goes as one array or one JSON list. Values are checked and converted by the models' fields.
"""

from trading.rows.reading import Query, Select
from trading.rows.statements import Rows, execute
from trading.rows.writing import Row, add, insert, made, update, upsert

__all__ = ["Query", "Row", "Rows", "Select", "add", "execute", "insert", "made", "update", "upsert"]
