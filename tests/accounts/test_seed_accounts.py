import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Account, AccountAccess, LedgerEntry, SessionToken, User
from accounts.selectors import authenticate_token, may_act_as
from accounts.services import revoke_token
from trading.agents import known_agents

pytestmark = pytest.mark.django_db


def seed(*options: str) -> str:
    out = StringIO()
    call_command("seed_accounts", *options, stdout=out)
    return out.getvalue()


def seed_json(*options: str) -> dict[str, list[dict[str, Any]]]:
    return json.loads(seed("--json", *options))


def write(folder: Path, text: str, name: str = "seed.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_demo_set_is_six_accounts_and_three_users() -> None:
    result = seed_json()
    assert [user["username"] for user in result["users"]] == ["demo", "viewer", "ops"]
    assert [account["name"] for account in result["accounts"]] == [
        "Main Account",
        "Patient Bitcoin",
        "Ether Swing",
        "Both Markets",
        "Held Bitcoin",
        "By Chance",
    ]
    assert {account.model for account in Account.objects.filter(is_house=False)} == set(known_agents())
    assert {account["owner"] for account in result["accounts"]} == {"demo"}
    assert all(account.cash == 10_000 and account.model_settings["symbols"] for account in Account.objects.all())
    assert AccountAccess.objects.filter(user__username="viewer", role="viewer").count() == 6
    assert may_act_as(User.objects.get(username="ops"))
    scopes = {token["username"]: token["scope"] for token in result["tokens"]}
    assert scopes == {"demo": "trade", "viewer": "read", "ops": "trade"}
    for user in result["users"]:
        assert User.objects.get(pk=user["id"]).check_password(user["password"])
    for token in result["tokens"]:
        found = authenticate_token(token["token"], timezone.now())
        assert found is not None
        assert (found.token_key, found.user.username) == (token["id"], token["username"])


def test_seeding_again_changes_nothing_and_shows_no_secret() -> None:
    first = seed_json()
    Account.objects.filter(name="Patient Bitcoin").update(cash=1, status="frozen")
    second = seed_json()
    for kind in ("users", "accounts", "tokens"):
        assert [row["id"] for row in second[kind]] == [row["id"] for row in first[kind]]
        assert [list(row) for row in second[kind]] == [list(row) for row in first[kind]]
        assert all(row["created"] for row in first[kind])
        assert not any(row["created"] for row in second[kind])
    assert {user["password"] for user in second["users"]} | {token["token"] for token in second["tokens"]} == {None}
    assert SessionToken.objects.count() == 3
    assert LedgerEntry.objects.count() == 6
    swift = Account.objects.get(name="Patient Bitcoin")
    assert (swift.cash, swift.status) == (1, "frozen")


def test_the_table_shows_ids_and_each_secret_once() -> None:
    first, second = seed(), seed()
    assert "Main Account" in first
    assert first.count("hy_") == 3
    assert "hy_" not in second
    assert second.count("already issued") == 3


def test_a_revoked_token_is_issued_anew() -> None:
    seed()
    revoke_token(token=SessionToken.objects.get(label="demo"), now=timezone.now())
    tokens = {token["label"]: token for token in seed_json()["tokens"]}
    assert tokens["demo"]["created"]
    assert tokens["demo"]["token"]
    assert not tokens["ops"]["created"]


def test_kept_secrets_are_private_and_shown_again(tmp_path: Path) -> None:
    kept = tmp_path / "new" / "secrets.json"
    first = seed_json("--keep", str(kept))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.chmod(0o644)
    second = seed_json("--keep", str(kept))
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [user["password"] for user in second["users"]] == [user["password"] for user in first["users"]]
    assert [token["token"] for token in second["tokens"]] == [token["token"] for token in first["tokens"]]
    assert list(kept.parent.iterdir()) == [kept]


def test_kept_secrets_that_no_longer_work_are_replaced(tmp_path: Path) -> None:
    kept = tmp_path / "secrets.json"
    first = seed_json("--keep", str(kept))
    revoke_token(token=SessionToken.objects.get(label="demo"), now=timezone.now())
    viewer = User.objects.get(username="viewer")
    viewer.set_password("changed since")
    viewer.save()
    second = seed_json("--keep", str(kept))
    assert [user["password"] is None for user in second["users"]] == [False, True, False]
    assert [token["created"] for token in second["tokens"]] == [True, True, False]
    for token in second["tokens"]:
        assert authenticate_token(token["token"], timezone.now())
    assert second["tokens"][0]["token"] != first["tokens"][0]["token"]
    assert seed_json("--keep", str(kept))["tokens"][0]["token"] == second["tokens"][0]["token"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"passwords": [], "tokens": {}}', "not json"])
def test_a_file_that_is_not_ours_is_neither_used_nor_replaced(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text, "notes.txt")
    with pytest.raises(CommandError, match="name another file"):
        seed("--keep", path)
    assert Path(path).read_text() == text
    assert not User.objects.exists()


def test_secrets_that_can_not_be_kept_undo_everything(tmp_path: Path) -> None:
    blocked = write(tmp_path, "a file where a folder is needed", "blocked")
    with pytest.raises(CommandError):
        seed("--keep", f"{blocked}/secrets.json")
    assert not User.objects.exists()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        users:
          - {username: alice, password: given, email: alice@example.com, permissions: [accounts.act_as_user]}
          - {username: bob, staff: true}
        accounts:
          - owner: alice
            name: Big
            starting_capital: 8999999999999.123457
            model_settings: {level: 1.5, symbols: [BTC]}
            status: frozen
            access: [{user: bob, role: trader}]
        tokens:
          - {user: alice, label: bot, scope: read, days: 2}
        """,
    )
    result = seed_json("--file", path)
    alice = User.objects.get(username="alice")
    assert alice.check_password("given")
    assert may_act_as(alice)
    assert [user["password"] is None for user in result["users"]] == [True, False]
    account = Account.objects.get()
    assert format(account.cash, "f") == "8999999999999.123457"
    assert (account.status, account.model_settings) == ("frozen", {"level": 1.5, "symbols": ["BTC"]})
    assert AccountAccess.objects.get().role == "trader"
    token = SessionToken.objects.get()
    assert token.expiry is not None
    assert (token.expiry - token.created).days in (1, 2)


def test_a_json_file_keeps_decimals_exact_and_names_users_of_the_database(tmp_path: Path) -> None:
    User.objects.create_user("carol")
    text = '{"accounts": [{"owner": "carol", "name": "J", "starting_capital": 1234567890123.123457}]}'
    seed("--file", write(tmp_path, text, "seed.json"))
    assert format(Account.objects.get().cash, "f") == "1234567890123.123457"


BAD = """
users:
  - username: al ice
    staff: maybe
  - {username: bob, permissions: [accounts.fly], shoe: 44}
  - {username: bob, email: nowhere}
  - 7
accounts:
  - {owner: nobody, name: "", starting_capital: 10}
  - {owner: bob, name: A, starting_capital: -1, model_settings: {x: .nan}, access: [{user: bob, role: king}]}
  - {owner: bob, name: A, starting_capital: 0.0000001, status: closed}
  - {owner: bob, name: B, starting_capital: .inf}
  - {owner: bob, name: C, starting_capital: ten}
  - {owner: bob}
tokens:
  - {user: bob, label: t, scope: root, days: 0}
  - {user: bob, label: t, scope: read, days: true}
extra: 1
"""


def test_every_problem_of_a_bad_file_is_listed_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        seed("--file", write(tmp_path, BAD))
    problems = str(caught.value).splitlines()
    assert caught.value.returncode == 1
    assert sorted(line.partition(": ")[0] for line in problems[1:]) == sorted(
        [
            "file.extra",
            "users[0].username",
            "users[0].staff",
            "users[1].permissions[0]",
            "users[1].shoe",
            "users[2].email",
            "users[3]",
            "users[2]",
            "accounts[0].owner",
            "accounts[0].name",
            "accounts[1].starting_capital",
            "accounts[1].model_settings",
            "accounts[1].access[0].role",
            "accounts[2].starting_capital",
            "accounts[2].status",
            "accounts[2]",
            "accounts[3].starting_capital",
            "accounts[4].starting_capital",
            "accounts[5].name",
            "accounts[5].starting_capital",
            "tokens[0].scope",
            "tokens[0].days",
            "tokens[1].days",
            "tokens[1]",
        ]
    )
    assert "accounts[1].starting_capital: must be a decimal number ≥ 0" in problems
    assert not User.objects.exists()
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", ""), ("a.yaml", "[]"), ("a.yaml", "users: {"), ("a.yaml", "users: 7"), ("a.json", "{"), ("a.json", "")],
)
def test_a_file_that_is_no_seed_is_refused_in_words(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(CommandError):
        seed("--file", write(tmp_path, text, name))


def test_a_file_that_is_not_there_or_not_text_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        seed("--file", str(tmp_path / "none.yaml"))
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError):
        seed("--file", str(path))


def test_no_token_is_asked_for_an_inactive_user(tmp_path: Path) -> None:
    User.objects.create_user("gone", is_active=False)
    path = write(tmp_path, "tokens: [{user: gone, label: t, scope: read}]")
    with pytest.raises(CommandError, match=r"tokens\[0\]\.user: 'gone' is not active"):
        seed("--file", path)


def test_the_demo_set_is_refused_in_production(settings, tmp_path: Path) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="--file"):
        seed()
    assert not User.objects.exists()
    seed("--file", write(tmp_path, "users: [{username: alice}]"))
    assert User.objects.get().username == "alice"
