from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from hyperoru.health import healthz, readyz
from hyperoru.views import dashboard, login

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("login/", login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("api/", include("trading.api.urls")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
