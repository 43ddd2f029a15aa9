from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.i18n import JSONCatalog, set_language

from hyperoru.health import healthz, readyz
from hyperoru.schema import schema, schema_json
from hyperoru.views import dashboard, login

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("accounts/<int:account_id>/", dashboard, name="dashboard-account"),
    path("language/", set_language, name="set_language"),
    path("texts.json", JSONCatalog.as_view(), name="texts"),
    path("login/", login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("api/", include("trading.api.urls")),
    path("api/", include("realtime.api.urls")),
    path("ws/schema/", schema, name="ws-schema"),
    path("ws/schema.json", schema_json, name="ws-schema-json"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
