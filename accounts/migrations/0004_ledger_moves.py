from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_exchange"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(
                condition=models.Q(("kind__in", ["deposit", "withdrawal", "adjustment"])),
                fields=["account", "created_at"],
                name="ledger_put_in_of_account",
            ),
        ),
    ]
