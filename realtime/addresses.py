"""Which address a socket comes from. What a client says of itself counts only where a proxy of ours vouches for it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

from realtime.origins import Headers

UNIX = "unix"
"""Names the peers of a Unix socket, which have no address, among the trusted proxies."""
IPV6_PREFIX = 64
"""What one subscriber of IPv6 is given at least: all of its addresses count as one."""

Address = IPv4Address | IPv6Address


def client_address(scope: dict[str, Any]) -> str | None:
    """Return what a socket is counted under: its client's IPv4 address, or the /64 network of an IPv6 one.

    It is the peer's address; where the peer is one of `HYPERORU_TRUSTED_PROXIES`, the last address of X-Forwarded-For
    that is none of them. None where there is no address: the peer of a Unix socket that is not trusted.
    """
    client = scope.get("client")
    trusted = _trusted(tuple(settings.HYPERORU_TRUSTED_PROXIES))
    found = str(client[0]) if client and client[0] else UNIX
    if trusted and found in trusted:
        for said in reversed(_forwarded_for(scope["headers"])):
            found = said
            if said not in trusted:
                break
    return None if found == UNIX else _counted(found)


class _Trusted:
    """The proxies that are believed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._unix = UNIX in names
        self._networks = [ip_network(name, strict=False) for name in names if name != UNIX]

    def __bool__(self) -> bool:
        return self._unix or bool(self._networks)

    def __contains__(self, text: str) -> bool:
        if text == UNIX:
            return self._unix
        address = _parsed(text)
        return address is not None and any(address in network for network in self._networks)


@lru_cache(maxsize=8)
def _trusted(names: tuple[str, ...]) -> _Trusted:
    return _Trusted(names)


def _forwarded_for(headers: Headers) -> list[str]:
    """Return the addresses of all X-Forwarded-For headers: each proxy adds at the end whom it was asked by."""
    values = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    return [each.strip() for each in values.split(",") if each.strip() not in ("", UNIX)]


def _parsed(text: str) -> Address | None:
    """Read an address as proxies write it, with or without port and brackets; None where it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))  # without the zone, which is the peer's own affair
    return address


def _counted(text: str) -> str:
    address = _parsed(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return text if address is None else str(address)
