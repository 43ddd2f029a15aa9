from django.apps import AppConfig


class HyperoruConfig(AppConfig):
    name = "hyperoru"
