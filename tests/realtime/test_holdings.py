"""What is kept of accounts in memory is used only while it provably is what the database holds."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account, AccountAccess, SessionToken, User
from accounts.services import revoke_token
from realtime.handlers import reading
from realtime.handlers.holdings import ACCOUNT_BYTES, HoldingsCache, holdings_cache
from realtime.handlers.seeing import Viewer
from realtime.protocol.errors import ProtocolError
from tests.builders import a_token, a_user, access, an_account, an_order, done, set_price, token_row
from trading.domain.commands import CancelAllOrders, CancelOrder, MoveCash
from trading.domain.enums import LedgerKind
from trading.models import Instrument, Order, Position
from trading.prices import glance

pytestmark = pytest.mark.django_db
NOW = timezone.now


@pytest.fixture
def account() -> Account:
    set_price()
    set_price("ETH", "3000")
    made = an_account()
    done(made, an_order())
    done(made, an_order(price="60000"))
    return made


def viewer_of(user: User) -> Viewer:
    return Viewer(token_row(a_token(user)).pk, user.pk, user.pk)


def told(viewer: Viewer, account: Account) -> dict[str, Any]:
    """Return the snapshot as a client gets it, without the moment that it was taken at."""
    snapshot: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(reading._snapshot(viewer, account.pk, NOW())))
    del snapshot["timestamp"]
    return snapshot


def fresh(viewer: Viewer, account: Account) -> dict[str, Any]:
    """Return the same with nothing kept."""
    holdings_cache.clear()
    return told(viewer, account)


def statements(run: Any) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        run()
    return [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]


def test_an_account_that_did_not_change_costs_one_statement(account: Account) -> None:
    viewer = viewer_of(account.owner)
    first = told(viewer, account)
    assert len(statements(lambda: told(viewer, account))) == 1
    assert told(viewer, account) == first == fresh(viewer, account)


def test_a_bootstrap_costs_two(account: Account) -> None:
    viewer = viewer_of(account.owner)
    for _ in range(3):
        an_account(owner=account.owner)
    reading._bootstrap(viewer, account.pk, NOW())
    assert len(statements(lambda: reading._bootstrap(viewer, account.pk, NOW()))) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda a: done(a, an_order("0.02")),
        lambda a: done(a, an_order("0.01", side="sell")),
        lambda a: done(a, an_order(price="61000")),
        lambda a: done(a, CancelAllOrders(None)),
        lambda a: done(a, CancelOrder(Order.objects.get(account=a, status="open").pk, None)),
        lambda a: done(a, MoveCash(LedgerKind.ADJUSTMENT, Decimal("-12.34"), "test")),
        lambda a: Position.objects.get(account=a).save(),
    ],
)
def test_whatever_changes_the_account_is_seen_at_once(account: Account, change: Any) -> None:
    viewer = viewer_of(account.owner)
    before = told(viewer, account)
    change(account)
    after = told(viewer, account)
    assert after != before
    assert after == fresh(viewer, account)


def test_a_new_price_is_seen_at_once_though_nothing_in_the_database_changed(account: Account) -> None:
    viewer = viewer_of(account.owner)
    before = told(viewer, account)
    set_price("BTC", "70000")
    after = told(viewer, account)
    assert after["equity"] > before["equity"]
    assert after == fresh(viewer, account)


def test_a_revoked_token_reads_nothing_that_is_kept(account: Account) -> None:
    viewer = viewer_of(account.owner)
    told(viewer, account)
    token = SessionToken.objects.get(pk=viewer.token)
    revoke_token(token=token, now=NOW())
    with pytest.raises(ProtocolError) as refused:
        told(viewer, account)
    assert refused.value.code == "session_expired"


def test_an_inactive_user_reads_nothing_that_is_kept(account: Account) -> None:
    viewer = viewer_of(account.owner)
    told(viewer, account)
    User.objects.filter(pk=account.owner.pk).update(is_active=False)
    with pytest.raises(ProtocolError) as refused:
        told(viewer, account)
    assert refused.value.code == "session_expired"


def test_who_has_no_access_any_more_does_not_see_what_others_have_kept(account: Account) -> None:
    friend, stranger = viewer_of(a_user()), viewer_of(a_user())
    shared = access(account, User.objects.get(pk=friend.user_id), "viewer")
    assert told(friend, account) == told(viewer_of(account.owner), account)
    AccountAccess.objects.filter(pk=shared.pk).delete()
    for viewer in (friend, stranger):
        with pytest.raises(ProtocolError) as refused:
            told(viewer, account)
        assert refused.value.code == "not_found"


def test_who_may_no_longer_act_as_another_is_told(account: Account) -> None:
    told(viewer_of(account.owner), account)
    own = viewer_of(a_user())
    with pytest.raises(ProtocolError) as refused:
        told(Viewer(own.token, own.user_id, account.owner.pk), account)
    assert refused.value.code == "forbidden"


def test_another_process_writes_are_seen(account: Account) -> None:
    """Another process is one whose memory is not ours: a cache of its own."""
    viewer = viewer_of(account.owner)
    mine, others = HoldingsCache(), HoldingsCache()
    assert mine.get(viewer, account.pk, NOW()) is mine.get(viewer, account.pk, NOW())
    others.get(viewer, account.pk, NOW())
    done(account, an_order("0.03"))
    assert mine.get(viewer, account.pk, NOW()).stamp == others.get(viewer, account.pk, NOW()).stamp
    assert mine.get(viewer, account.pk, NOW()).held.positions[0][0].size == Decimal("0.04")


def test_no_more_accounts_are_kept_than_the_bound(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.handlers.holdings.KEPT_BYTES", 2.5 * ACCOUNT_BYTES)
    cache = HoldingsCache()
    owner = viewer_of(account.owner)
    first, second, third = (an_account(owner=account.owner) for _ in range(3))
    for made in (first, second, first, third):
        cache.get(owner, made.pk, NOW())
    assert list(cache._kept) == [first.pk, third.pk]  # the one that was used longest ago went
    assert cache._bytes == sum(kept.size for kept in cache._kept.values())


def test_who_acts_as_another_is_served_from_memory_too(account: Account) -> None:
    support = a_user(is_superuser=True)
    own = viewer_of(support)
    acting = Viewer(own.token, own.user_id, account.owner.pk)
    assert told(acting, account) == told(viewer_of(account.owner), account)
    assert not any("trading_order" in sql for sql in statements(lambda: told(acting, account)))


def test_an_unlisted_instruments_new_tiers_are_seen_at_once(account: Account) -> None:
    viewer = viewer_of(account.owner)
    done(account, an_order("1"))
    BTC = Instrument.objects.get(pk="BTC")
    BTC.listed = False
    BTC.save()
    glance.forget()
    before = told(viewer, account)["positions"][0]["liquidation_price"]
    BTC.margin_tiers = [[0, 3]]
    BTC.default_leverage = 3
    BTC.save()
    glance.forget()
    assert told(viewer, account)["positions"][0]["liquidation_price"] != before


def test_an_instrument_that_cannot_be_used_leaves_the_rest_readable(account: Account) -> None:
    viewer = viewer_of(account.owner)
    Instrument.objects.filter(pk="BTC").update(margin_tiers=[])
    glance.forget()
    assert told(viewer, account)["positions"][0]["liquidation_price"] is None
