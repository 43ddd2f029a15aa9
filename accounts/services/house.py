from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from accounts.models import Account, User
from accounts.services.opening import open_account

NAME = "House"
USERNAME = "house"


def house_account(now: datetime) -> Account:
    """Return the exchange's own account; the first call makes it, and the user that it belongs to. `now` is UTC.

    It takes over what is liquidated and bears bad debt. Nobody signs in as its user (it has no password and is not
    active), and nobody sees or trades on the account but staff in the admin.
    """
    house = Account.objects.filter(is_house=True).first()
    if house is not None:
        return house
    try:
        with transaction.atomic():
            house = open_account(owner=_user(), name=NAME, starting_capital=Decimal(0), now=now)
            Account.objects.filter(pk=house.pk).update(is_house=True)
            house.is_house = True
            return house
    except IntegrityError:  # another process made it meanwhile
        return Account.objects.get(is_house=True)


def _user() -> User:
    """Make the user; where somebody has its name already it gets a number, never somebody's account."""
    taken = set(User.objects.filter(username__startswith=USERNAME).values_list("username", flat=True))
    names = (USERNAME, *(f"{USERNAME}-{number}" for number in range(2, len(taken) + 3)))
    user = User(username=next(name for name in names if name not in taken), is_active=False)
    user.set_unusable_password()
    user.save(force_insert=True)
    return user
