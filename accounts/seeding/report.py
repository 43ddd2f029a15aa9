"""Showing what a seeding did: a table for people, one JSON object for programs."""

from typing import Any

from accounts.seeding.apply import Result


def as_dict(result: Result) -> dict[str, list[dict[str, Any]]]:
    """Return the result with stable keys; `password` and `token` are null where none can be shown."""
    return {
        "users": [
            {"id": item.user.pk, "username": item.user.username, "created": item.created, "password": item.password}
            for item in result.users
        ],
        "accounts": [
            {
                "id": item.account.pk,
                "name": item.account.name,
                "owner": item.account.owner.username,
                "created": item.created,
                "model": item.account.model,
            }
            for item in result.accounts
        ],
        "tokens": [
            {
                "id": item.token.token_key,
                "username": item.token.user.username,
                "label": item.token.label,
                "scope": item.token.scope,
                "expires_at": f"{item.token.expiry:%Y-%m-%dT%H:%M:%SZ}" if item.token.expiry else None,
                "created": item.created,
                "token": item.raw,
            }
            for item in result.tokens
        ],
    }


def as_text(result: Result) -> str:
    """Return three tables: users with new passwords, accounts with their ids, tokens."""
    shown = as_dict(result)
    users = [[u["id"], u["username"], _made(u), u["password"] or "not shown again"] for u in shown["users"]]
    accounts = [[a["id"], a["name"], a["owner"], _made(a), a["model"] or "–"] for a in shown["accounts"]]
    tokens = [
        [t["username"], t["label"], t["scope"], t["expires_at"] or "never", t["token"] or "already issued"]
        for t in shown["tokens"]
    ]
    return "\n\n".join(
        [
            _table("USERS", ["id", "username", "", "password"], users),
            _table("ACCOUNTS", ["id", "name", "owner", "", "model"], accounts),
            _table("SESSION TOKENS", ["user", "label", "scope", "expires", "token"], tokens),
        ]
    )


def _made(item: dict[str, Any]) -> str:
    return "new" if item["created"] else "there"


def _table(title: str, head: list[str], rows: list[list[Any]]) -> str:
    cells = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([title, *(f"  {line}" for line in lines)])
