"""Whether the process lives, and whether it can serve."""

from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from hyperoru.draining import draining
from trading.auditing import summary
from trading.models import EngineLease
from trading.prices import stored


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer while the process runs, whatever its dependencies do."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Tell what works: the database, the engine's lease, the prices and the books.

    503 where the database does not, or the process is stopping.
    Without an engine or prices everything can be read, so they are told but do not make the process unready; nor does
    an account that does not agree with its history.
    """
    if draining.is_set():
        return JsonResponse({"status": "stopping"}, status=503)
    now = timezone.now()
    try:
        connection.ensure_connection()
        lease = EngineLease.objects.filter(expires_at__gt=now).exists()
        stale = timedelta(seconds=settings.HYPERORU_STALE_AFTER_S)
        quotes = stored()
        prices = {quote.symbol: not quote.expires or now - quote.at <= stale for quote in quotes}
        reconciliation = summary()
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "database": False}, status=503)
    told = {"engine": lease, "prices": prices, "reconciliation": reconciliation}
    return JsonResponse({"status": "ok", "database": True, **told})
