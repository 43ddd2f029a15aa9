from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import ForeignKey, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from knox.settings import knox_settings
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from accounts.admin.audited import AuditedAdmin
from accounts.models import SessionToken, User
from accounts.services import issue_token, revoke_token


class IssueForm(forms.ModelForm):
    """What a new token is for; the token itself is made by `issue_token`."""

    days = forms.IntegerField(
        label="valid for (days)",
        min_value=1,
        max_value=3650,
        initial=knox_settings.TOKEN_TTL.days,
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = SessionToken
        fields = ["user", "label", "scope"]


@admin.register(SessionToken)
class SessionTokenAdmin(AuditedAdmin):
    """Tokens are issued and revoked here, never changed. The plain text is shown once, the digest never."""

    list_display = ["token_key", "user", "label", "scope", "created", "expiry", "revoked_at", "valid"]
    list_select_related = ["user"]
    list_filter = ["scope", ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["token_key", "label", "user__username"]
    fields = ["token_key", "user", "label", "scope", "created", "expiry", "revoked_at", "valid"]
    actions = ["revoke"]

    def get_form(self, request: HttpRequest, obj: SessionToken | None = None, **kwargs: Any) -> type[forms.ModelForm]:
        return super().get_form(request, obj, **({**kwargs, "form": IssueForm} if obj is None else kwargs))

    def get_fields(self, request: HttpRequest, obj: SessionToken | None = None) -> list[str]:
        return self.fields if obj else ["user", "label", "scope", "days"]

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            users = User.objects.filter(is_active=True)
            # A token is its user: staff that may issue tokens must not become superusers by one.
            kwargs["queryset"] = users if request.user.is_superuser else users.filter(is_superuser=False)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: SessionToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SessionToken | None = None) -> bool:
        return False  # a deleted row would tell nobody that its sockets must close: revoke it instead

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_sessiontoken")

    def save_model(self, request: HttpRequest, obj: Any, form: forms.ModelForm, change: bool) -> None:
        data = form.cleaned_data
        token, raw = issue_token(
            user=data["user"],
            scope=data["scope"],
            label=data["label"],
            now=timezone.now(),
            lifetime=timedelta(days=data["days"]),
        )
        obj.__dict__.update(token.__dict__)
        detail = {"user": token.user_id, "label": token.label, "scope": token.scope}
        self.audit(request, "issue", obj, detail)
        self.message_user(request, f"The token, shown this once: {raw}", messages.WARNING)

    @admin.display(boolean=True)
    def valid(self, token: SessionToken) -> bool:
        return token.is_valid(timezone.now())

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SessionToken]) -> None:
        now = timezone.now()
        tokens = [token for token in queryset if token.revoked_at is None]
        with transaction.atomic():
            for token in tokens:
                revoke_token(token=token, now=now)
                self.audit(request, "revoke", token, {"user": token.user_id, "label": token.label})
        self.message_user(request, f"Revoked: {len(tokens)}.", messages.SUCCESS)
