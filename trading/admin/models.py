"""When models run, who is paused, and what became of each run."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin.account import AccountAdmin
from accounts.admin.audited import AuditedAdmin
from accounts.admin.records import ReadOnlyAdmin
from accounts.models import Account, User
from trading.models import ModelPause, ModelRun, ModelSchedule
from trading.running import control


def _actor(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


@admin.action(description="Ask the models now", permissions=["change"])
def ask_now(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> None:
    ids = list(rows.values_list("pk", flat=True))
    refused = control.ask(ids, timezone.now(), _actor(request))
    for why in refused.values():
        model_admin.message_user(request, why, messages.WARNING)
    if asked := len(ids) - len(refused):
        model_admin.message_user(request, f"Asked for {asked} run(s); the engine begins them.", messages.SUCCESS)


@admin.action(description="Pause the models", permissions=["change"])
def pause_models(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> None:
    ids = list(rows.values_list("pk", flat=True))
    control.pause(ids, timezone.now(), _actor(request))
    model_admin.message_user(request, f"Paused the models of {len(ids)} account(s).", messages.SUCCESS)


@admin.action(description="Let the models go on", permissions=["change"])
def resume_models(model_admin: Any, request: HttpRequest, rows: QuerySet[Any]) -> None:
    ids = list(rows.values_list("pk", flat=True))
    control.resume(ids, timezone.now(), _actor(request))
    model_admin.message_user(request, f"The models of {len(ids)} account(s) go on.", messages.SUCCESS)


ACTIONS = [ask_now, pause_models, resume_models]
AccountAdmin.actions = [*(AccountAdmin.actions or ()), *ACTIONS]


@admin.register(ModelSchedule)
class ModelScheduleAdmin(AuditedAdmin):
    list_display = ["account", "paused", "every_s", "move_pct", "daily_usd", "asked_at", "last_run_at"]
    list_filter = ["paused"]
    list_select_related = ["account"]
    search_fields = ["account__name"]
    autocomplete_fields = ["account"]
    fields = ["account", "paused", "every_s", "move_pct", "daily_usd", "asked_at", "last_run_at", "last_marks"]
    actions = ACTIONS

    def get_readonly_fields(self, request: HttpRequest, obj: ModelSchedule | None = None) -> list[str]:
        return ["asked_at", "last_run_at", "last_marks", *(["account"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Write only what was edited: the engine may have begun a run meanwhile. A pause takes effect at once."""
        with transaction.atomic():
            list(Account.objects.select_for_update().filter(pk=obj.account_id).values_list("pk"))
            control.lock_deciding()
            if change:
                names = [name for name in form.changed_data if name in form.fields]
                if not names:
                    return
                ModelSchedule.objects.filter(pk=obj.pk).update(**{name: getattr(obj, name) for name in names})
            else:
                obj.save(force_insert=True)
            self.audit(request, "change" if change else "add", obj, {"fields": form.changed_data})


@admin.register(ModelPause)
class ModelPauseAdmin(AuditedAdmin):
    """Adding the row pauses all models, deleting it lets them go on."""

    list_display = ["since", "reason"]
    fields = ["reason"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not ModelPause.objects.exists()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.pk, obj.since = 1, timezone.now()
        control.pause_all(obj.since, obj.reason, _actor(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        control.resume_all(timezone.now(), _actor(request))


@admin.register(ModelRun)
class ModelRunAdmin(ReadOnlyAdmin):
    list_display = ["id", "started_at", "account", "model", "trigger", "status", "latency_ms", "cost", "error"]
    list_filter = ["status", "trigger", "model"]
    list_select_related = ["account"]
    search_fields = ["=id", "account__name", "model", "prompt_hash"]
    date_hierarchy = "started_at"
    ordering = ["-id"]
    show_full_result_count = False
