"""Gives the desk a batch again and again, each time in a child that is killed at the next statement.

``python -m tests.desk.killed ACCOUNT ACCOUNT`` prints how many children died, and ``whole`` where each of them left the
database as it was and the last one, which was not killed, did the whole batch.
"""

import os
import signal
import sys
from itertools import count
from typing import Any

import django


def die_at(number: int) -> Any:
    asked = 0

    def execute(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return run(sql, params, many, context)

    return execute


def main() -> None:
    django.setup()
    from django.db import connection

    from accounts.models import Account
    from tests.builders import set_price
    from tests.desk.given import everything
    from tests.desk.test_crash import a_batch
    from trading.desk import Done, desk

    accounts = [Account.objects.get(pk=int(pk)) for pk in sys.argv[1:]]
    before = everything()
    for number in count(1):
        connection.close()
        child = os.fork()
        if not child:
            set_price("BTC", "67000", bids=[["66990", "100"]], asks=[["67010", "100"]])
            with connection.execute_wrapper(die_at(number)):
                answers = desk.execute(a_batch(accounts))
            os._exit(0 if all(isinstance(answer, Done) for answer in answers) else 1)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert everything() == before, f"killed at statement {number}"
            continue
        assert status == 0, "the batch was refused"
        assert everything() != before
        print(number - 1, "whole")
        return


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hyperoru.settings")
    main()
