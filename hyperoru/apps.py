from importlib import import_module

from django.apps import AppConfig


class HyperoruConfig(AppConfig):
    name = "hyperoru"

    def ready(self) -> None:
        import_module("hyperoru.checks")
