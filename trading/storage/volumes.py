"""What accounts traded, by UTC day, and the fee rates that follow from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from trading.domain import commands, facts
from trading.domain.enums import FillQuality
from trading.domain.fees import VOLUME_DAYS, FeeRates, Volume, rates_for
from trading.models import DailyVolume
from trading.rows import Query, upsert

FILLS_NOTHING = (
    commands.CancelOrder
    | commands.CancelAllOrders
    | commands.CancelAfter
    | commands.CancelAtDeadline
    | commands.SettleFunding
    | commands.RecordEquity
    | commands.MoveCash
)


_sums = Query(
    f"""
    SELECT account_id,
           SUM(CASE WHEN day < %s THEN taker + maker ELSE 0 END),
           SUM(CASE WHEN day = %s THEN taker ELSE 0 END),
           SUM(CASE WHEN day = %s THEN maker ELSE 0 END)
    FROM {DailyVolume._meta.db_table} WHERE account_id {{numbers}} AND day >= %s AND day <= %s
    GROUP BY account_id
    """  # noqa: S608  (the name is the model's own)
)


@dataclass(frozen=True, slots=True)
class Traded:
    """An account's fee rates of a day, and what it traded on that day so far."""

    rates: FeeRates = field(default_factory=FeeRates)
    today: Volume = field(default_factory=Volume)


NOTHING = Traded()


def load(asks: Iterable[tuple[int, commands.Command]], today: date) -> dict[int, Traded]:
    """Read the volumes of the accounts whose commands may fill something: one query, none where there are none."""
    return _of({account_id for account_id, command in asks if _may_fill(command)}, today)


def _of(ids: set[int], today: date) -> dict[int, Traded]:
    if not ids:
        return {}
    found = dict.fromkeys(ids, NOTHING)
    first, day = (today - timedelta(days=VOLUME_DAYS)).isoformat(), today.isoformat()
    for account_id, before, taken, made in _sums(day, day, day, ids, first, day):
        found[account_id] = Traded(rates_for(_usdc(before)), Volume(_usdc(taken), _usdc(made)))
    return found


def _usdc(micro: int | Decimal | None) -> Decimal:
    """Return a sum of what the columns hold as USDC."""
    return Decimal(int(micro or 0)).scaleb(-6)


def _may_fill(command: commands.Command) -> bool:
    if isinstance(command, commands.SubmitDecision):
        return command.order is not None
    return not isinstance(command, FILLS_NOTHING)


def write(told: Sequence[tuple[int, facts.Fact]], traded: Mapping[int, Traded]) -> None:
    """Add a batch's fills to the day's volumes: one statement. The accounts are locked, so nothing is lost.

    What the house takes over at the mark is no trade in the market and counts for nobody.
    """
    fills = [
        (account_id, fact)
        for account_id, fact in told
        if isinstance(fact, facts.TradeExecuted) and fact.fill_quality is not FillQuality.BACKSTOP
    ]
    if not fills:
        return
    [day] = {fact.at.date() for _, fact in fills}  # a batch has one time
    known = {**traded, **_of({account_id for account_id, _ in fills} - traded.keys(), day)}
    volumes = {account_id: known[account_id].today for account_id, _ in fills}
    for account_id, fact in fills:
        volumes[account_id] = volumes[account_id].plus(fact.price * fact.size, fact.liquidity)
    rows = [{"account_id": pk, "day": day, "taker": each.taker, "maker": each.maker} for pk, each in volumes.items()]
    upsert(DailyVolume, rows, ("account_id", "day"))
