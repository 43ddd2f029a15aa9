"""Sign-in and sign-out go to the audit trail; tokens end with what they stood for."""

from collections.abc import Collection
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.services import end_browser_session, record_audit, revoke_tokens_of


@receiver(user_logged_in, dispatch_uid="accounts.signed_in")
def signed_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    record_audit(actor=user, action="sign_in", target=f"user:{user.pk}", detail=_origin_of(request), now=timezone.now())


@receiver(user_logged_out, dispatch_uid="accounts.signed_out")
def signed_out(sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is None:
        return
    now = timezone.now()
    # Sent before Django flushes the session: its key is still there.
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    if session_key:
        end_browser_session(user=user, session_key=session_key, now=now)
    record_audit(actor=user, action="sign_out", target=f"user:{user.pk}", detail=_origin_of(request), now=now)


@receiver(pre_save, sender=User, dispatch_uid="accounts.compare_credentials")
def compare_credentials(
    sender: Any, instance: User, raw: bool, update_fields: Collection[str] | None, **kwargs: Any
) -> None:
    """Note on the instance why its tokens must end, while the row still tells what it was."""
    instance._tokens_end_because = []  # type: ignore[attr-defined]
    saved = {"is_active", "password"} & set({"is_active", "password"} if update_fields is None else update_fields)
    if raw or not saved or instance._state.adding:
        return
    before = User.objects.filter(pk=instance.pk).values("is_active", "password").first()
    if before is None:
        return
    if "is_active" in saved and before["is_active"] and not instance.is_active:
        instance._tokens_end_because.append("deactivated")  # type: ignore[attr-defined]
    if "password" in saved and before["password"] != instance.password and not instance.rehashing:
        instance._tokens_end_because.append("password_changed")  # type: ignore[attr-defined]


@receiver(post_save, sender=User, dispatch_uid="accounts.end_tokens")
def end_tokens(sender: Any, instance: User, **kwargs: Any) -> None:
    """Revoke after the row is saved: a sign-in between the two finds the new password or the inactive user."""
    reasons = getattr(instance, "_tokens_end_because", [])
    if not reasons:
        return
    now = timezone.now()
    ended = revoke_tokens_of(user=instance, now=now)
    record_audit(
        actor=None,
        action="end_tokens",
        target=f"user:{instance.pk}",
        detail={"because": reasons, "tokens": ended},
        now=now,
    )


def _origin_of(request: HttpRequest | None) -> dict[str, Any]:
    address = getattr(request, "META", {}).get("REMOTE_ADDR")
    return {"address": address} if address else {}
