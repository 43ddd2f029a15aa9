from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TradingConfig(AppConfig):
    name = "trading"

    def ready(self) -> None:
        from trading import auditing, pruning  # noqa: F401  (their receivers)
        from trading.listing import list_instruments

        post_migrate.connect(list_instruments, sender=self)
