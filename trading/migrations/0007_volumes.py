"""Fill the daily volumes of trades from before there were any: fee tiers follow from the last 14 days."""

from collections import defaultdict
from datetime import UTC, date
from decimal import Decimal

from django.db import migrations

PAGE = 5_000
ZERO = Decimal(0)


def fill(apps, schema_editor):
    trades = apps.get_model("trading", "Trade").objects.exclude(fill_quality="backstop")
    volumes = apps.get_model("trading", "DailyVolume").objects
    if volumes.exists() or not trades.exists():
        return
    sums: defaultdict[tuple[int, date], dict[str, Decimal]] = defaultdict(lambda: {"taker": ZERO, "maker": ZERO})
    rows = trades.order_by("id").values_list("account_id", "executed_at", "liquidity", "price", "size")
    for account, at, liquidity, price, size in rows.iterator(PAGE):
        sums[account, at.astimezone(UTC).date()][liquidity] += price * size
    model = apps.get_model("trading", "DailyVolume")
    volumes.bulk_create([model(account_id=account, day=day, **each) for (account, day), each in sums.items()])


class Migration(migrations.Migration):
    dependencies = [("trading", "0006_risk_gate")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
