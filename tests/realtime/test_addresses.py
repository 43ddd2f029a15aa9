"""A socket is counted under the address that it comes from, and nobody chooses that by a header."""

from typing import Any

import pytest

from realtime.addresses import client_address


def a_scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), *[(b"x-forwarded-for", value.encode()) for value in forwarded]]
    return {"client": peer and (peer, 50_000), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::1", "::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("testclient", "testclient"),
        (None, None),
        ("", None),
    ],
)
def test_a_peer_counts_by_its_address_or_its_network(peer: str | None, counted: str | None) -> None:
    assert client_address(a_scope(peer)) == counted


def test_daphne_tells_the_peer_in_a_list() -> None:
    assert client_address({"client": ["203.0.113.9", 1], "headers": []}) == "203.0.113.9"


TRUSTED = ["10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48"]


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "counted"),
    [
        ([], "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
        (TRUSTED, "198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        (TRUSTED, "10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
        (TRUSTED, "::ffff:10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
        (TRUSTED, "2001:db8:ffff::1", ["2001:db8:1:2::5"], "2001:db8:1:2::/64"),
        (TRUSTED, "10.1.2.3", ["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (TRUSTED, "10.1.2.3", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        (TRUSTED, "10.1.2.3", ["1.1.1.1, 203.0.113.9, 192.0.2.1", " 10.9.9.9 "], "203.0.113.9"),
        (TRUSTED, "10.1.2.3", ["10.7.7.7, 192.0.2.1"], "10.7.7.7"),
        (TRUSTED, "10.1.2.3", ["10.7.7.7, nonsense, 192.0.2.1"], "nonsense"),
        (TRUSTED, "10.1.2.3", [" , "], "10.1.2.3"),
        (TRUSTED, "10.1.2.3", [], "10.1.2.3"),
        (TRUSTED, "10.1.2.3", ["203.0.113.9:4711"], "203.0.113.9"),
        (TRUSTED, "10.1.2.3", ["[2001:db8:1:2::5]:4711"], "2001:db8:1:2::/64"),
        (TRUSTED, None, ["203.0.113.9"], None),
        (["unix"], None, ["203.0.113.9"], "203.0.113.9"),
        (["unix"], None, ["1.1.1.1, unix"], "1.1.1.1"),
        (["unix"], None, [], None),
        (["unix"], "127.0.0.1", ["203.0.113.9"], "127.0.0.1"),
    ],
)
def test_the_last_address_that_no_proxy_of_ours_has_is_the_clients(
    settings: Any, trusted: list[str], peer: str | None, forwarded: list[str], counted: str | None
) -> None:
    settings.HYPERORU_TRUSTED_PROXIES = trusted
    assert client_address(a_scope(peer, *forwarded)) == counted
