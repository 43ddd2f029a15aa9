from django.contrib.auth.models import AbstractUser


class User(AbstractUser):  # type: ignore[django-manager-missing]
    """Somebody who signs in: a person, or the program of one."""

    # True while Django stores a stronger hash of the password that was just given: the same password, not a new one.
    rehashing = False

    class Meta(AbstractUser.Meta):
        permissions = [("act_as_user", "Can act as another user over the socket")]

    def check_password(self, raw_password: str | None) -> bool:
        self.rehashing = True
        try:
            return super().check_password(raw_password)
        finally:
            self.rehashing = False

    async def acheck_password(self, raw_password: str | None) -> bool:
        self.rehashing = True
        try:
            return await super().acheck_password(raw_password)
        finally:
            self.rehashing = False
