from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.admin.audited import AuditedAdmin
from accounts.models import User

admin.site.unregister(Group)

POWERS = ["is_staff", "is_superuser", "groups", "user_permissions"]


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["id", "username", "email", "is_active", "is_staff", "is_superuser", "last_login"]
    list_display_links = ["id", "username"]
    readonly_fields = ["last_login", "date_joined"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        # Staff that may edit users must not make themselves superusers.
        return [*self.readonly_fields, *([] if request.user.is_superuser else POWERS)]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False  # the audit trail names them: deactivate instead


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):
    pass
