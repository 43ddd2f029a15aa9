"""What the environment says, and what it must say in production."""

import os
import secrets
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

MARKETS = ("replay", "simulated", "manual")


def var_dir() -> Path:
    """Return the folder of what the project writes (`HYPERORU_VAR`, default `var/`), made if it is not there."""
    path = Path(env.str("HYPERORU_VAR", default=str(BASE_DIR / "var")))
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def secret_key(*, production: bool) -> str:
    """Return `SECRET_KEY`; in development one is made at first start and kept in `var/`."""
    given = env.str("SECRET_KEY", default="")
    if given:
        return given
    if production:
        raise ImproperlyConfigured("SECRET_KEY is not set; production needs one: 50 random characters or more.")
    path = var_dir() / "secret-key"
    if not path.exists():
        # Written whole and then linked: of processes that start together all get the same key.
        made = path.with_suffix(f".{os.getpid()}")
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            os.link(made, path)
        made.unlink()
    return path.read_text().strip()


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return a variable that must be one of a few words; say which where it is not."""
    value = env.str(name, default=default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be one of {', '.join(allowed)}.")
    return value


def span(name: str, default: str, most: int) -> tuple[int, int]:
    """Return a variable that is one whole number or two, as `200-500`; say what is wrong with another."""
    value = env.str(name, default=default)
    least, _, greatest = value.partition("-")
    try:
        found = int(least), int(greatest or least)
    except ValueError:
        found = (-1, -1)
    if not 0 <= found[0] <= found[1] <= most:
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a number up to {most}, or two as 200-500.")
    return found


def fraction(name: str, default: str) -> Decimal:
    """Return a variable that is a part of a whole: from 0 to less than 1."""
    value = env.str(name, default=default)
    try:
        found = Decimal(value)
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found < 1):
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a number from 0 to less than 1, as 0.05.")
    return found


def classes(name: str, default: str) -> tuple[tuple[int, Decimal], ...]:
    """Return a variable of pairs as `25:15000000,1:500000`: from a leverage on an amount, the last one from 1 on."""
    value = env.str(name, default=default)
    pairs = [pair.split(":") for pair in value.split(",")]
    try:
        found = tuple((int(leverage), Decimal(amount)) for leverage, amount in pairs)
    except (ValueError, InvalidOperation):
        found = ()
    falls = all(higher[0] > lower[0] for higher, lower in pairwise(found))
    if not found or not falls or found[-1][0] != 1 or not all(a.is_finite() and a > 0 for _, a in found):
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it must be pairs of leverage and USDC, as 25:15000000,1:500000."
        )
    return found


def proxies(name: str) -> list[str]:
    """Return a list of networks, and perhaps the word `unix`, as everyone reads them; say which of them is none."""
    found = []
    for each in (word.strip() for word in env.list(name, default=[])):
        try:
            if each:
                found.append(each if each == "unix" else str(_network(each)))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} has {each!r}; it must list addresses (10.0.0.2), networks (10.0.0.0/8) or the word unix."
            ) from None
    return found


def _network(text: str) -> IPv4Network | IPv6Network:
    """Read an address or a network, perhaps with bits behind its prefix; IPv4 that is written as IPv6 is IPv4."""
    network = ip_network(text, strict=False)
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return network if mapped is None or network.prefixlen < 96 else IPv4Network((mapped, network.prefixlen - 96))


def check_limit(name: str, value: float, most: int) -> None:
    """Refuse a variable's number that is not from 0, which turns its limit off, to `most`."""
    if not 0 <= value <= most:  # so is NaN refused
        raise ImproperlyConfigured(f"{name} is {value}; it must be a number from 0 (off) to {most}.")


def check_production(*, debug: bool, redis_url: str, database: str, workers: int) -> None:
    """Refuse to start in production on what only development may run on."""
    if debug:
        raise ImproperlyConfigured("DEBUG must be off in production.")
    if not redis_url:
        raise ImproperlyConfigured("REDIS_URL is not set; production needs the channel layer in Redis.")
    if "sqlite" in database and workers > 1:
        raise ImproperlyConfigured("SQLite serves one worker; set DATABASE_URL to PostgreSQL or HYPERORU_WORKERS=1.")
