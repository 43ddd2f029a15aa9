from decimal import Decimal

import pytest

from accounts.models import Account, User
from accounts.services import open_account
from tests.accounts.given import NOW


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_user("owner", password="correct horse")


@pytest.fixture
def stranger(db: None) -> User:
    return User.objects.create_user("stranger")


@pytest.fixture
def account(owner: User) -> Account:
    return open_account(owner=owner, name="Main", starting_capital=Decimal(10_000), now=NOW)
