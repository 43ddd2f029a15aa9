from django.urls import path

from trading.api.market import MarketView, PriceView

urlpatterns = [
    path("market/", MarketView.as_view(), name="market"),
    path("market/<str:symbol>/", PriceView.as_view(), name="market-price"),
]
