from django.urls import path

from realtime.api.trading import DecisionsView, OrdersView

urlpatterns = [
    path("accounts/<int:account_id>/decisions/", DecisionsView.as_view(), name="account-decisions"),
    path("accounts/<int:account_id>/orders/", OrdersView.as_view(), name="account-orders"),
]
