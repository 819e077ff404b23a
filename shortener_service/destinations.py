"""Which addresses a link may lead to, and how they are written in a `Location` header."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from urllib.parse import quote

import idna

from clicktrail.shortener.v1.link_pb2 import Link
from common.field_rules import rules

LONGEST = rules(Link, "destination").max_length

# Control characters and white space of every script; a browser drops some of them and then reads another address.
# Not the two joiners, U+200C and U+200D: words of some scripts and many emojis are written with them.
_FORBIDDEN = re.compile(
    r"[\x00-\x20\x7f-\xa0\u1680\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ud800-\udfff]"
)
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.IGNORECASE | re.DOTALL,
)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{0,5}))?", re.ASCII)
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.?",
    re.IGNORECASE,
)
# A host whose last label is a number is an address in numbers, whatever comes before.
_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?\Z", re.IGNORECASE | re.ASCII)
_JOINERS = "\u200c\u200d"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65_535
# All ASCII stays as it is: nothing of what was sent is written differently.
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


class UnacceptableAddressError(ValueError):
    """An address that no link may lead to; says why, for its sender."""


@dataclass(frozen=True, slots=True)
class Address:
    """An acceptable address, cut in pieces of pure ASCII that make it up when joined."""

    base: str
    """Scheme, host, port and path."""
    query: str
    """With its question mark; "" where there is none."""
    fragment: str
    """With its `#`; "" where there is none."""
    host: str
    """In lower case, without a final dot, IPv6 without brackets."""
    port: int

    def __str__(self) -> str:
        return self.base + self.query + self.fragment


def parse(text: str) -> Address:
    """Return the pieces of an http or https address, or raise `UnacceptableAddressError`."""
    if len(text) > LONGEST:
        raise UnacceptableAddressError(f"is longer than {LONGEST:,} characters")
    if _FORBIDDEN.search(text):
        raise UnacceptableAddressError("has white space or a control character in it; percent-encode it")
    if "\\" in text:
        raise UnacceptableAddressError("has a backslash in it, which browsers read as a slash; percent-encode it")
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise UnacceptableAddressError("is not an http or https address, such as https://shop.example.com/p/1")
    scheme = found["scheme"].lower()
    host, port = _host_and_port(found["authority"])
    written = f"{found['scheme']}://{host}" + (f":{port}" if port else "")
    return Address(
        base=written + quote(found["path"], safe=_ASCII),
        query=quote(found["query"] or "", safe=_ASCII),
        fragment=quote(found["fragment"] or "", safe=_ASCII),
        host=comparable_host(host),
        port=int(port) if port else _DEFAULT_PORTS[scheme],
    )


def leads_to(address: Address, host: str, port: int) -> bool:
    """Tell whether an address is served by this host of ours.

    Any port of a host counts, but for this machine's own names: there each port is another server.
    """
    if is_loopback(host):
        return is_loopback(address.host) and address.port == port
    return address.host == host


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # The unspecified address leads to this machine too.
    return address.is_loopback or address.is_unspecified


def comparable_host(host: str) -> str:
    """Return a host in the one form in which hosts are compared: of all that name one address, the shortest."""
    host = host.lower().removesuffix(".").strip("[]")
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return str(getattr(address, "ipv4_mapped", None) or address)


def host_named(text: str) -> str:
    """Return a host, typed in any script, in the form in which hosts are compared.

    Raises `UnacceptableAddressError` where it is none.
    """
    is_bare_ipv6 = text.count(":") > 1 and not text.startswith("[")
    return comparable_host(_written_host(f"[{text}]" if is_bare_ipv6 else text))


def is_host_name(text: str) -> bool:
    """Tell whether this is a host name in ASCII."""
    return _HOST.fullmatch(text) is not None


def _host_and_port(authority: str) -> tuple[str, str]:
    if "@" in authority:
        raise UnacceptableAddressError("has credentials in it")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise UnacceptableAddressError("has a host or port that is not valid")
    port = found["port"] or ""
    if port and not 0 < int(port) <= _HIGHEST_PORT:
        raise UnacceptableAddressError("has a port that is not valid")
    return _written_host(found["host"]), port


def _written_host(host: str) -> str:
    if not host:
        raise UnacceptableAddressError("has no host")
    if host.startswith("["):
        try:
            is_zoned = IPv6Address(host.strip("[]")).scope_id is not None
        except AddressValueError:
            raise UnacceptableAddressError("has an IPv6 address that is not valid") from None
        if is_zoned:
            raise UnacceptableAddressError("has an IPv6 address of one machine's own network")
        return host
    if not host.isascii():
        host = _host_in_ascii(host)
    # Looked at after the conversion: it may turn one character into a dot, a slash or an at sign.
    if not is_host_name(host):
        raise UnacceptableAddressError("has a host that is not valid")
    if _NUMBER.search(host):
        try:
            IPv4Address(host.removesuffix("."))
        except AddressValueError:
            # Browsers read 127.1 and 0x7f000001 as addresses too, each in many spellings.
            raise UnacceptableAddressError("has a host in numbers that are not four decimals") from None
    return host


def _host_in_ascii(host: str) -> str:
    """Return a host of any script as browsers write it, or a link would lead to another host than the one written.

    They follow UTS 46, which knows emojis and all that was ever registered; IDNA 2008 alone refuses those.
    """
    try:
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        return ".".join(map(_label_in_ascii, mapped.split(".")))
    except UnicodeError:
        raise UnacceptableAddressError("has a host that is not valid") from None


def _label_in_ascii(label: str) -> str:
    """Return one label of a mapped host. Raises `UnicodeError` for what browsers refuse."""
    if label.isascii():
        return label
    idna.check_initial_combiner(label)
    idna.check_bidi(label)
    for at, character in enumerate(label):
        if character in _JOINERS and not idna.valid_contextj(label, at):
            raise UnicodeError("A joiner stands where it joins nothing.")
    return "xn--" + label.encode("punycode").decode("ascii")
