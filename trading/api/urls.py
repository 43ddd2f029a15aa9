from django.urls import path

from trading.api.leaderboard import LeaderboardView
from trading.api.market import MarketView, PriceView
from trading.api.runs import DecideView, RunsView

urlpatterns = [
    path("market/", MarketView.as_view(), name="market"),
    path("market/<str:symbol>/", PriceView.as_view(), name="market-price"),
    path("leaderboard/", LeaderboardView.as_view(), name="leaderboard"),
    path("accounts/<int:account_id>/runs/", RunsView.as_view(), name="account-runs"),
    path("accounts/<int:account_id>/decide/", DecideView.as_view(), name="account-decide"),
]
