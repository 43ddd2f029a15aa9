from django.contrib import admin

from accounts.admin.audited import AuditedAdmin
from accounts.models import AccountAccess


@admin.register(AccountAccess)
class AccountAccessAdmin(AuditedAdmin):
    list_display = ["id", "account", "user", "role"]
    list_select_related = ["account", "user"]
    list_filter = ["role"]
    search_fields = ["account__name", "user__username"]
    autocomplete_fields = ["account", "user"]
