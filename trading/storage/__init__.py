"""How accounts are read and written in bulk, together with `trading.rows` all that knows statements.

Reading takes the accounts' rows locked, in primary-key order, so that two desks never wait for each other in a ring.
Writing takes one statement for each table, whatever the number of accounts and commands.
"""

from trading.storage.loading import Ask, Loaded, load
from trading.storage.writing import Written, write

__all__ = ["Ask", "Loaded", "Written", "load", "write"]
