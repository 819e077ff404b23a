"""Where requests come from, behind proxies and without."""

import pytest

from gateway.addresses import DIRECT, ClientAddresses

PEER = "10.0.0.9"
ONE = ClientAddresses.behind("1")
NETWORKS = ClientAddresses.behind("10.0.0.0/8, fd00::/8,192.0.2.1")


def forwarded_for(*lines: str) -> list[tuple[bytes, bytes]]:
    """Return these lines as headers."""
    return [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]


def forwarded(*lines: str) -> list[tuple[bytes, bytes]]:
    """Return these lines of RFC 7239 as headers."""
    return [(b"forwarded", line.encode("latin-1")) for line in lines]


WRITINGS = [
    ("203.0.113.7", "203.0.113.7"),
    ("203.0.113.7:49153", "203.0.113.7"),
    (" 203.0.113.7 ", "203.0.113.7"),
    ('"203.0.113.7:49153"', "203.0.113.7"),
    ("[203.0.113.7]:49153", "203.0.113.7"),
    ("203.0.113.7:_port", "203.0.113.7"),
    ("::ffff:203.0.113.7", "203.0.113.7"),
    ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
    ("::FFFF:CB00:7107", "203.0.113.7"),
    ("2001:DB8:0::7", "2001:db8::7"),
    ("[2001:db8::7]", "2001:db8::7"),
    ("[2001:db8::7]:49153", "2001:db8::7"),
    ('"[2001:db8::7]:49153"', "2001:db8::7"),
    ("2001:db8:0:0:0:0:0:7:49153", "2001:db8::7"),
    ("fe80::7%eth0", "fe80::7"),
    ("[fe80::7%25eth0]:1", "fe80::7"),
    ("::1", "::1"),
    ("2001:db8::7%1", "2001:db8::7"),
    ("203.0.113.7:", "203.0.113.7"),
    ("203.0.113.7\t", "203.0.113.7"),
    ("'203.0.113.7'", "203.0.113.7"),
]
NO_ADDRESSES = [
    "unknown",
    "_hidden",
    "_SEVKISEK",
    "what?",
    "-",
    "[",
    "[]",
    "203.0.113",
    "203.0.113.256",
    "1" * 5_000,
    "::7::",
    "203.0.113.007",
    "203.0.113.7.",
    "203.0.113.7/32",
    "0xcb007107",
    "3405803783",
    "203.0.113.7 203.0.113.8",
    "[[2001:db8::7]]",
    "2001:db8::7]:443",
    "localhost",
    "(null)",
    "²03.0.113.7",
]


@pytest.mark.parametrize(("written", "address"), WRITINGS)
def test_every_writing_of_an_address_is_understood(written: str, address: str) -> None:
    """With a port, in brackets, quoted, as IPv6 that holds an IPv4 address: in both headers."""
    assert ONE.of(PEER, forwarded_for(written)) == address
    assert ONE.of(PEER, forwarded(f"for={written}")) == address
    assert ONE.of(PEER, forwarded(f"proto=https; For={written};by=_secret")) == address
    assert NETWORKS.of(PEER, forwarded_for(f"6.6.6.6, {written}, 10.1.1.1")) == address


@pytest.mark.parametrize("written", NO_ADDRESSES)
def test_what_is_no_address_is_none(written: str) -> None:
    """Rather than the proxy's own, in which all visitors would be one."""
    assert ONE.of(PEER, forwarded_for(written)) == ""
    assert ONE.of(PEER, forwarded(f"for={written}")) == ""
    assert NETWORKS.of(PEER, forwarded_for(f"6.6.6.6, {written}")) == ""


@pytest.mark.parametrize(
    "written", ["for=203.0.113.7", 'For="203.0.113.7:80"', '"for=203.0.113.7"', "FOR=[::ffff:cb00:7107]"]
)
def test_a_hop_may_be_written_as_in_the_other_header(written: str) -> None:
    """Some proxies put the pairs of `Forwarded` into `X-Forwarded-For`."""
    assert ONE.of(PEER, forwarded_for(written)) == "203.0.113.7"


@pytest.mark.parametrize(
    ("lines", "trusted", "expected"),
    [
        (["1.1.1.1"], "0", PEER),
        (["6.6.6.6, 1.1.1.1"], "1", "1.1.1.1"),
        (["6.6.6.6", "1.1.1.1"], "1", "1.1.1.1"),
        (["6.6.6.6, 1.1.1.1, 10.0.0.1"], "2", "1.1.1.1"),
        (["6.6.6.6,1.1.1.1,,"], "1", "1.1.1.1"),
        (["1.1.1.1"], "2", ""),
        ([], "1", ""),
        (["6.6.6.6, 1.1.1.1, 10.0.0.1, 10.0.0.2"], "10.0.0.0/8", "1.1.1.1"),
        (["6.6.6.6, 1.1.1.1"], "172.16.0.0/12", PEER),
        (["10.9.9.9, 10.0.0.1"], "10.0.0.0/8", "10.9.9.9"),
        ([], "10.0.0.0/8", ""),
        (["6.6.6.6, 2001:db8::7, fd00::1"], "10.0.0.0/8, fd00::/8", "2001:db8::7"),
        (["6.6.6.6, 1.1.1.1, ::ffff:10.0.0.1"], "10.0.0.0/8", "1.1.1.1"),
    ],
)
def test_only_our_own_proxies_are_believed(lines: list[str], trusted: str, expected: str) -> None:
    """What a client puts into the header itself is never its address, and a proxy's never a client's."""
    assert ClientAddresses.behind(trusted).of(PEER, forwarded_for(*lines)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["for=6.6.6.6, for=1.1.1.1"], "1.1.1.1"),
        (["for=6.6.6.6", "for=1.1.1.1;proto=https"], "1.1.1.1"),
        (['for=6.6.6.6;by="a,b;for=7.7.7.7", for=1.1.1.1'], "1.1.1.1"),
        (["by=10.0.0.1;proto=https"], ""),
        (['for="_gazonk"'], ""),
        (['for="[2001:db8:cafe::17]:4711'], "2001:db8:cafe::17"),
    ],
)
def test_elements_of_rfc_7239_are_taken_apart(lines: list[str], expected: str) -> None:
    """Commas and semicolons within quotes do not end one."""
    assert ONE.of(PEER, forwarded(*lines)) == expected


def test_a_clients_own_forwarded_does_not_go_before_what_the_proxy_wrote() -> None:
    """Proxies pass on what they do not know."""
    assert ONE.of(PEER, forwarded("for=6.6.6.6") + forwarded_for("1.1.1.1")) == "1.1.1.1"


@pytest.mark.parametrize(
    ("peer", "address"),
    [("::ffff:203.0.113.7", "203.0.113.7"), ("203.0.113.7", "203.0.113.7"), ("::1", "::1"), ("", "")],
)
def test_a_peer_is_written_in_one_way(peer: str, address: str) -> None:
    """A socket for both versions tells IPv4 addresses as IPv6."""
    assert DIRECT.of(peer, forwarded_for("6.6.6.6")) == address
    assert DIRECT.is_direct
    assert not ONE.is_direct
    assert not NETWORKS.is_direct


@pytest.mark.parametrize("text", ["", "-1", "all", "10.0.0.0/8 fd00::/8", "10.0.0.1/8", "1.5"])
def test_what_says_neither_is_refused(text: str) -> None:
    """A number or networks."""
    with pytest.raises(ValueError, match=r".*"):
        ClientAddresses.behind(text)
