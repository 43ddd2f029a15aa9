"""Whether what a model decided may still be carried out, asked in the transaction that would."""

from collections.abc import Collection, Mapping

from trading.domain.enums import RunStatus
from trading.domain.errors import Rejection
from trading.lease import Lease, LeaseLost
from trading.models import ModelPause, ModelRun, ModelSchedule
from trading.rows import Query, Select

ALL = 0
"""No account's id: all are paused."""
_paused = Query(
    f"""
    SELECT account_id FROM {ModelSchedule._meta.db_table} WHERE paused AND account_id {{numbers}}
    UNION ALL SELECT {ALL} FROM {ModelPause._meta.db_table}
    """  # noqa: S608  (the names are the models' own)
)
_runs = Select(ModelRun, "id", where=f"id = %s AND holder = %s AND status = '{RunStatus.RUNNING}'")


class ModelPaused(Rejection):
    """Somebody paused the model before what it decided was carried out."""

    code = "unavailable"


class RunEnded(Rejection):
    """The run was told as expired before its answer came."""

    code = "unavailable"


def paused_among(account_ids: Collection[int]) -> set[int]:
    """Return whose models are paused: one statement."""
    found = {pk for (pk,) in _paused(account_ids)}
    return set(account_ids) if ALL in found else found


class ModelFence:
    """Lets through what models decided while this engine leads, as it did at `number`, and nobody paused them.

    With a run: while that is under way, too.
    """

    def __init__(self, lease: Lease, number: int | None, run_id: int | None = None) -> None:
        self._lease, self.number, self._run_id = lease, number, run_id

    def lost(self) -> Rejection | None:
        """Return `LeaseLost` where another engine leads, or has led since. Locks the lease until the transaction ends.

        Whoever writes accounts too locks them first.
        """
        if self._lease.fence != self.number:
            return LeaseLost("Another engine leads by now, or has led.")
        return self._lease.refusal()

    def refusals(self, account_ids: Collection[int]) -> Mapping[int, Rejection]:
        """Return whose requests may not be carried out, and why."""
        refusal = self.lost()
        if refusal is None and self._run_id is not None and not _runs(self._run_id, self._lease.holder):
            refusal = RunEnded("The run had ended before its answer came.")
        if refusal is not None:
            return dict.fromkeys(account_ids, refusal)
        return {pk: ModelPaused("The model was paused.") for pk in paused_among(account_ids)}
