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
        "https://shop.example.com/" + "a" * 8192,
        "https://shop.example.com/\u200b",
        "https://shop.example.com/\ufeff",
        "https://shop.example.com/\u202e",
        "https://shop.example.com/\u200f",
        "https://a\u200cb.example/",
        "https://\U0001f468\u200d\U0001f469.example/",
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
    ("text", "written"),
    [
        ("https://i❤.example/p", "https://xn--i-7iq.example/p"),
        ("https://i❤️.example/p", "https://xn--i-7iq.example/p"),
        ("https://💩.example/", "https://xn--ls8h.example/"),
        ("https://☃.shop.example/", "https://xn--n3h.shop.example/"),
        ("https://\uff53\uff48\uff4f\uff50\uff0eexample/", "https://shop.example/"),
        ("https://xn--i-7iq.example/", "https://xn--i-7iq.example/"),
        ("https://bücher.xn--p1ai/", "https://xn--bcher-kva.xn--p1ai/"),
        ("https://\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example/", "https://xn--mgba3gch31f060k.example/"),
        ("https://shop.example/\u200c", "https://shop.example/%E2%80%8C"),
        ("https://shop.example/👨\u200d👩", "https://shop.example/%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9"),
        ("https://shop.example/?q=\u200d#\u200c", "https://shop.example/?q=%E2%80%8D#%E2%80%8C"),
    ],
)
def test_what_browsers_open_is_accepted(text: str, written: str) -> None:
    """Emojis and hosts of older rules lead where browsers would go; joiners are percent-encoded."""
    assert str(destinations.parse(text)) == written


def test_a_long_address_is_accepted() -> None:
    """Shops' own campaign parameters need more than the 2,048 characters that were taken before."""
    text = "https://shop.example.com/?" + "a" * (8192 - 26)
    assert len(text) == 8192
    assert str(destinations.parse(text)) == text


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
