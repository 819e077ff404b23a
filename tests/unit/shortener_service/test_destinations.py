"""Which addresses a link may lead to."""

import pytest

from shortener_service import destinations
from shortener_service.destinations import UnacceptableAddressError

GOOD = [
    "https://shop.example.com",
    "http://shop.example.com/",
    "HTTPS://Shop.Example.com/p?x=%2F#frag?y",
    "https://shop.example.com:8443/p/1?ref=a&b=&c#size",
    "http://127.0.0.1:9000/x",
    "http://[::1]:9000/x",
    "https://shop.example.com?x=1",
    "https://shop.example.com/a;b,c'(d)*e[0]={}|^`\"<>",
    "https://my_shop.example.com./",
]


@pytest.mark.parametrize("text", GOOD)
def test_good_addresses_stay_as_they_are(text: str) -> None:
    """An acceptable address comes out byte for byte."""
    assert str(destinations.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "ftp://shop.example.com/",
        "http://2130706433:8080/",
        "http://127.1/",
        "http://0/",
        "http://0x7f.1/",
        "http://shop.example.0x1/",
        "javascript:alert(1)",
        "//shop.example.com/",
        "shop.example.com",
        "http:///path",
        "http://",
        "https:shop.example.com",
        "https://user:secret@shop.example.com/",
        "https://good.example.com\\@evil.example.com/",
        "https://good.example.com@evil.example.com/",
        "https://shop.example.com/\r\nSet-Cookie: a=b",
        "https://shop.example.com/a\tb",
        "https://shop.example.com/a b",
        " https://shop.example.com/",
        "https://shop.example.com/\x00",
        "https://shop.example.com/\u2028",
        "https://shop.example.com/\ud800",
        "https://shop.example.com:99999/",
        "https://shop.example.com:0/",
        "https://shop.example.com:8x/",
        "https://[::1/",
        "https://[fe80::1%25lo]/",
        "https://[::1%lo]/",
        "https://[nonsense]/",
        "https://sh%6fp.example.com/",
        "https://-shop.example.com/",
        "https://shop..example.com/",
        "https://.example.com/",
        "https://evil.example.com\u2044@good.example.com/",
        "https://a\u2100b.example.com/",
        "https://shop.example.com/" + "a" * 2048,
    ],
)
def test_bad_addresses_are_refused(text: str) -> None:
    """Other schemes, credentials, odd hosts, white space, control characters and too long ones are refused."""
    with pytest.raises(UnacceptableAddressError):
        destinations.parse(text)


def test_other_scripts_become_ascii() -> None:
    """A host of another script is written as IDNA, everything else percent-encoded: a header takes ASCII alone."""
    address = destinations.parse("https://münchen.example/straße?q=ü#ß")
    assert str(address) == "https://xn--mnchen-3ya.example/stra%C3%9Fe?q=%C3%BC#%C3%9F"
    assert address.host == "xn--mnchen-3ya.example"
    assert destinations.parse("https://straße.example").host == "xn--strae-oqa.example"


@pytest.mark.parametrize(
    ("text", "host", "port", "is_ours"),
    [
        ("https://go.example.com/x", "go.example.com", 443, True),
        ("http://GO.example.com.:81/x", "go.example.com", 443, True),
        ("https://shop.example.com/x", "go.example.com", 443, False),
        ("http://localhost:8080/x", "localhost", 8080, True),
        ("http://127.0.0.1:8080/x", "localhost", 8080, True),
        ("http://[::1]:8080/x", "localhost", 8080, True),
        ("http://127.0.0.1:9000/x", "localhost", 8080, False),
        ("http://0.0.0.0:8080/x", "localhost", 8080, True),
        ("http://[::ffff:127.0.0.1]:8080/x", "localhost", 8080, True),
        ("http://[::ffff:192.0.2.1]/x", "192.0.2.1", 80, True),
        ("http://[2001:DB8:0::1]/x", "2001:db8::1", 80, True),
    ],
)
def test_loops_are_recognized(text: str, host: str, port: int, *, is_ours: bool) -> None:
    """Any port of our host is ours; of this machine itself only our own port."""
    assert destinations.leads_to(destinations.parse(text), host, port) is is_ours
