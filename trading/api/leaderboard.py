"""The leaderboard over REST."""

from typing import Any

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from trading.domain.money import round_micro
from trading.leaderboard import Standing, leaderboard
from trading.prices import glance
from trading.selectors import TIMEFRAMES

DEFAULT = "24h"


class LeaderboardView(APIView):
    def get(self, request: Request) -> Response:
        """Return how the accounts that the user may see did over a timeframe, the best return first."""
        timeframe = request.query_params.get("timeframe", DEFAULT)
        if timeframe not in TIMEFRAMES:
            raise ValidationError({"timeframe": f"must be one of {', '.join(TIMEFRAMES)}"})
        user_id: Any = request.user.pk
        now = timezone.now()
        rows = leaderboard(user_id, timeframe, glance.market(now), now)
        return Response({"timeframe": timeframe, "standings": [_told(row) for row in rows], "timestamp": now})


def _told(row: Standing) -> dict[str, Any]:
    account = row.account
    return {
        "account_id": account.id,
        "name": account.name,
        "status": account.status,
        "model": account.model or None,
        "owner": {"id": account.owner_id, "username": account.owner_name},
        "equity": round_micro(row.equity),
        "return_pct": row.return_pct,
        "max_drawdown_pct": row.max_drawdown_pct,
        "sharpe": row.sharpe,
        "win_rate_pct": row.win_rate_pct,
        "trades": row.trades,
        "fees": row.fees,
        "gross_exposure": round_micro(row.gross_exposure),
        "open_risk": row.open_risk,
    }
