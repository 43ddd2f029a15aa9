"""What `manage.py` tells about the set-up before it does anything."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register


@register(Tags.staticfiles)
def charts_are_installed(**options: Any) -> list[CheckMessage]:
    """Warn where the dashboard would have no charts."""
    if settings.CHARTS.is_dir():
        return []
    return [
        Warning(
            "The library of the dashboard's charts is not installed; the pages do without them.",
            hint="Run `npm ci --ignore-scripts` in the project's folder.",
            id="hyperoru.W001",
        )
    ]
