from typing import Any

from django.db import migrations

from accounts import append_only_sql


def install(apps: Any, schema_editor: Any) -> None:
    append_only_sql.install(schema_editor.connection, append_only_sql.TABLES)


def uninstall(apps: Any, schema_editor: Any) -> None:
    append_only_sql.uninstall(schema_editor.connection, append_only_sql.TABLES)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunPython(install, uninstall)]
